--- Colours the text of a running generation, with its numbers beside it, and knows which
--- generation stands at a place.

local config = require('streaming_code_generator.config')

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace('streaming_code_generator')

---@class (exact) streaming_code_generator.Mark
---@field bufnr integer
---@field extmark integer

---@type table<string, streaming_code_generator.Mark> By the generation's id.
local marks = {}

vim.api.nvim_set_hl(0, 'StreamingCodeGeneratorRunning', { link = 'DiffAdd', default = true })
vim.api.nvim_set_hl(0, 'StreamingCodeGeneratorNumbers', { link = 'Comment', default = true })

---@param bufnr integer
---@param position lsp.Position
---@param encoding string
---@return integer row, integer col 0-based; the nearest that exist.
local function in_buffer(bufnr, position, encoding)
  local row = math.min(position.line, vim.api.nvim_buf_line_count(bufnr) - 1)
  local line = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
  if row < position.line then
    return row, #line
  end
  return row, vim.str_byteindex(line, encoding, position.character, false)
end

---@param update streaming_code_generator.Update
---@return boolean
local function is_running(update)
  return update.state == 'running' or update.state == 'queued'
end

---@param update streaming_code_generator.Update
---@return [string, string][]? chunks
local function numbers(update)
  if not config.get().virtual_text then
    return nil
  end
  local text = update.message
  if update.tokens > 0 or not is_running(update) then
    text = ('%d tokens, %.1f s'):format(update.tokens, update.elapsedSeconds)
  end
  return { { '  ' .. text:gsub('%s+', ' '), 'StreamingCodeGeneratorNumbers' } }
end

---@param bufnr integer
---@param id string
---@param row integer
---@param col integer
---@param look vim.api.keyset.set_extmark
local function set(bufnr, id, row, col, look)
  look.id = marks[id] and marks[id].extmark
  look.right_gravity, look.end_right_gravity = false, true
  look.strict = false
  marks[id] = {
    bufnr = bufnr,
    extmark = vim.api.nvim_buf_set_extmark(bufnr, NAMESPACE, row, col, look),
  }
end

---@param mark streaming_code_generator.Mark
---@return integer? row, integer? col, integer? end_row, integer? end_col
local function place_of(mark)
  if not vim.api.nvim_buf_is_loaded(mark.bufnr) then
    return nil
  end
  local row, col, details = unpack(
    vim.api.nvim_buf_get_extmark_by_id(mark.bufnr, NAMESPACE, mark.extmark, { details = true })
  )
  return row, col, details and details.end_row, details and details.end_col
end

--- Take colour and numbers away; the place stays known.
---@param id string
local function fade(id)
  local mark = marks[id]
  local row, col, end_row, end_col = nil, nil, nil, nil
  if mark then
    row, col, end_row, end_col = place_of(mark)
  end
  if row and col then
    set(mark.bufnr, id, row, col, { end_row = end_row, end_col = end_col })
  end
end

--- Show a generation as the server tells it.
---@param bufnr integer
---@param update streaming_code_generator.Update
---@param encoding string The client's, of positions.
function M.show(bufnr, update, encoding)
  if not update.range then
    return
  end
  local row, col = in_buffer(bufnr, update.range.start, encoding)
  local end_row, end_col = in_buffer(bufnr, update.range['end'], encoding)
  set(bufnr, update.id, row, col, {
    end_row = end_row,
    end_col = end_col,
    hl_group = config.get().highlight and 'StreamingCodeGeneratorRunning' or nil,
    virt_text = numbers(update),
    virt_text_pos = 'eol',
  })
  if not is_running(update) then
    vim.defer_fn(function()
      fade(update.id)
    end, config.get().keep_highlight_ms)
  end
end

--- Forget a generation.
---@param id string
function M.remove(id)
  local mark = marks[id]
  marks[id] = nil
  if mark and vim.api.nvim_buf_is_valid(mark.bufnr) then
    vim.api.nvim_buf_del_extmark(mark.bufnr, NAMESPACE, mark.extmark)
  end
end

--- Forget all generations.
function M.clear()
  for id in pairs(marks) do
    M.remove(id)
  end
end

--- The generation whose text holds the cursor, the lines of its ends included; of several the one
--- that began last.
---@param bufnr integer
---@param row integer 0-based
---@return string? id
function M.at(bufnr, row)
  local found ---@type string?
  for id, mark in pairs(marks) do
    if mark.bufnr == bufnr and not (found and mark.extmark < marks[found].extmark) then
      local first, _, last = place_of(mark)
      if first and last and first <= row and row <= last then
        found = id
      end
    end
  end
  return found
end

return M
