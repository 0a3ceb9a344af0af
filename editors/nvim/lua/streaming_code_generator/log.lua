--- Keeps what the server logs, and what its installation said. Neovim's own log drops everything
--- below a warning, and with it the whole response and the totals at the end of a generation.

local M = {}

local MOST_MESSAGES = 200

---@type string[]
local messages = {}

--- Keep a text, which may have several lines.
---@param text string
function M.add(text)
  messages[#messages + 1] = os.date('%H:%M:%S ') .. text
  if #messages > MOST_MESSAGES then
    table.remove(messages, 1)
  end
end

--- Handles `window/logMessage`.
---@param err? lsp.ResponseError
---@param params lsp.LogMessageParams
---@param context lsp.HandlerContext
function M.on_message(err, params, context)
  M.add(params.message)
  return vim.lsp.handlers['window/logMessage'](err, params, context)
end

--- Show the log in a window of its own.
function M.open()
  local text = #messages > 0 and table.concat(messages, '\n') or 'Nothing was logged.'
  require('streaming_code_generator.view').open(text)
  vim.cmd('normal! G')
end

return M
