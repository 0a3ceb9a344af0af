--- What runs, what ran, and what it came to, as text.

local M = {}

---@class (exact) streaming_code_generator.Status
---@field running table[] Results as of `generate`.
---@field recent table[]
---@field totals table<string, integer>

---@param result table
---@return string
local function line_of(result)
  local stats = result.stats
  return ('%-10s %-6s %5d tokens %7.2f s  %s  %s'):format(
    result.status,
    result.id,
    stats.totalTokens,
    stats.elapsedSeconds,
    result.model,
    vim.fn.fnamemodify(vim.uri_to_fname(result.uri), ':~:.')
  )
end

--- The newest generation comes first.
---@param status streaming_code_generator.Status
---@return string
function M.text(status)
  local results = vim.list_extend(vim.list_slice(status.recent), status.running)
  local lines = vim.iter(results):rev():map(line_of):totable()
  local totals = status.totals
  lines[#lines + 1] = ('%d generations, %d completed: %d tokens (%d prompt + %d completion)'):format(
    totals.generations,
    totals.completed,
    totals.totalTokens,
    totals.promptTokens,
    totals.completionTokens
  )
  return table.concat(lines, '\n')
end

return M
