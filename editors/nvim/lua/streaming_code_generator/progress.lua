--- What runs, in a few words for the status line, from the server's progress.

local M = {}

---@type table<lsp.ProgressToken, string> The last message of each running generation.
local messages = {}

--- Handles the data of `LspProgress`.
---@param params { token: lsp.ProgressToken, value: { kind: string, title?: string, message?: string } }
function M.on_progress(params)
  local value = params.value
  if value.kind == 'end' then
    messages[params.token] = nil
  else
    messages[params.token] = value.message or messages[params.token] or value.title
  end
  vim.cmd.redrawstatus()
end

--- Forget what a server had running that is gone.
function M.clear()
  messages = {}
end

--- Text for 'statusline', empty when nothing runs.
---@return string
function M.statusline()
  local count = vim.tbl_count(messages)
  if count == 0 then
    return ''
  end
  local _, message = next(messages)
  local line = vim.fn.strcharpart(message:gsub('%s+', ' '), 0, 60)
  local text = count == 1 and line or ('%d generations: %s'):format(count, line)
  return (text:gsub('%%', '%%%%'))
end

return M
