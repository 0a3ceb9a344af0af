--- Keeps what the server logs. Neovim's own log drops everything below a warning, and with it the
--- whole response and the totals that stand at the end of a generation.

local M = {}

local MOST_MESSAGES = 200

---@type string[]
local messages = {}

--- Handles `window/logMessage`.
---@param err? lsp.ResponseError
---@param params lsp.LogMessageParams
---@param context lsp.HandlerContext
function M.on_message(err, params, context)
  messages[#messages + 1] = os.date('%H:%M:%S ') .. params.message
  if #messages > MOST_MESSAGES then
    table.remove(messages, 1)
  end
  return vim.lsp.handlers['window/logMessage'](err, params, context)
end

--- Show the log in a window of its own.
function M.open()
  local text = #messages > 0 and table.concat(messages, '\n') or 'The server has logged nothing.'
  require('streaming_code_generator.view').open(text)
  vim.cmd('normal! G')
end

return M
