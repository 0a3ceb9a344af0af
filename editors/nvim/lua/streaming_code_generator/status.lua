--- What runs, what ran, and what it came to, as text.

local M = {}

---@class (exact) streaming_code_generator.Status
---@field running table[] Results as of `generate`.
---@field recent table[]
---@field totals table<string, integer>
---@field usage { session: { summary: string }, today: { summary: string }? }
---@field profiles string[]

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

--- What was asked of models and what it cost. A ledger that cannot be read has no day.
---@param usage { session: { summary: string }, today: { summary: string }? }
---@return string[]
local function usage_lines(usage)
  local today = usage.today ~= vim.NIL and usage.today
  return {
    'session: ' .. usage.session.summary,
    'today: ' .. (today and today.summary or 'not known, the ledger cannot be read'),
  }
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
  return table.concat(vim.list_extend(lines, usage_lines(status.usage)), '\n')
end

return M
