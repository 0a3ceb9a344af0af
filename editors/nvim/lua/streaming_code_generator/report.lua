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

---@param message string
function M.problem(message)
  M.tell(message, vim.log.levels.ERROR)
end

return M
