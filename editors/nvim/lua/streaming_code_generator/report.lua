--- Tells the user something, in one line.

local config = require('streaming_code_generator.config')

local M = {}

--- Shorten a message to what fits beside the ruler. A longer one makes Neovim wait for a key, and
--- would take it from somebody who is typing.
---@param message string
---@return string
local function fitting(message)
  local line = message:gsub('%s+', ' ')
  local room = vim.v.echospace
  if vim.fn.strdisplaywidth(line) <= room then
    return line
  end
  return vim.fn.strcharpart(line, 0, math.max(room - 1, 1)) .. '…'
end

---@param message string
---@param level integer One of `vim.log.levels`.
function M.tell(message, level)
  local notify = config.get().notify
  if notify then
    notify(message, level)
  else
    vim.notify(fitting(message), level)
  end
end

--- Handles `window/showMessage`, which Neovim's own handler would print in full, and wait for a key.
---@param _ any
---@param params lsp.ShowMessageParams
function M.on_message(_, params)
  require('streaming_code_generator.log').add(params.message)
  local levels = vim.log.levels
  M.tell(params.message, ({ levels.ERROR, levels.WARN })[params.type] or levels.INFO)
end

---@param message string
function M.problem(message)
  M.tell(message, vim.log.levels.ERROR)
end

return M
