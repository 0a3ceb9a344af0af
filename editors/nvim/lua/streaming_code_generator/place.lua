--- Where generated code goes: a place that stays right while a user goes on typing, until the
--- request is sent.

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace('streaming_code_generator.place')

---@class (exact) streaming_code_generator.Place
---@field bufnr integer
---@field extmark integer
---@field is_range boolean

---@param bufnr integer
---@param row integer
---@return string
local function line_at(bufnr, row)
  return vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
end

---@param bufnr integer
---@param row integer
---@param col integer
---@param end_row? integer
---@param end_col? integer
---@return streaming_code_generator.Place
local function mark(bufnr, row, col, end_row, end_col)
  local extmark = vim.api.nvim_buf_set_extmark(bufnr, NAMESPACE, row, col, {
    end_row = end_row,
    end_col = end_col,
    strict = false,
  })
  return { bufnr = bufnr, extmark = extmark, is_range = end_row ~= nil }
end

--- The cursor. In normal mode it stands on a character: code goes before it, as with `i`, but
--- after the last one of a line, as with `a`.
---@return streaming_code_generator.Place
function M.at_cursor()
  local bufnr = vim.api.nvim_get_current_buf()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local line = line_at(bufnr, row - 1)
  local in_insert_mode = vim.fn.mode():find('^[iR]') ~= nil
  if not in_insert_mode and line ~= '' and col + 1 + vim.str_utf_end(line, col + 1) >= #line then
    col = #line
  end
  return mark(bufnr, row - 1, col)
end

--- Whether a command's range is the last selection, made in characters and not in lines.
---@param first integer
---@param last integer
---@return boolean
local function is_selection(first, last)
  return vim.fn.visualmode() == 'v' and vim.fn.line("'<") == first and vim.fn.line("'>") == last
end

--- The lines of a command's range, without the last one's end; or the selection that it stands
--- for, to the character.
---@param first integer 1-based
---@param last integer
---@return streaming_code_generator.Place
function M.of_range(first, last)
  local bufnr = vim.api.nvim_get_current_buf()
  local col, end_col = 0, #line_at(bufnr, last - 1)
  if is_selection(first, last) then
    col = math.min(vim.fn.col("'<") - 1, #line_at(bufnr, first - 1))
    end_col = M.end_of_character(line_at(bufnr, last - 1), vim.fn.col("'>"))
  end
  return mark(bufnr, first - 1, col, last - 1, end_col)
end

--- The column behind the character that the byte `col` (1-based) begins.
---@param line string
---@param col integer
---@return integer
function M.end_of_character(line, col)
  if vim.o.selection == 'exclusive' then
    return math.min(col - 1, #line)
  end
  return col > #line and #line or col + vim.str_utf_end(line, col)
end

---@param place streaming_code_generator.Place
---@param row integer
---@param col integer
---@param encoding string
---@return lsp.Position
local function to_lsp(place, row, col, encoding)
  local line = line_at(place.bufnr, row)
  return { line = row, character = vim.str_utfindex(line, encoding, col, false) }
end

--- Give up a place that is not wanted any more.
---@param place streaming_code_generator.Place
function M.drop(place)
  if vim.api.nvim_buf_is_valid(place.bufnr) then
    vim.api.nvim_buf_del_extmark(place.bufnr, NAMESPACE, place.extmark)
  end
end

--- What a request says of the place as it is now: `position` or `range`. The place is used up.
---@param place streaming_code_generator.Place
---@param encoding string The client's.
---@return { position?: lsp.Position, range?: lsp.Range }
function M.take(place, encoding)
  local row, col, details = unpack(
    vim.api.nvim_buf_get_extmark_by_id(place.bufnr, NAMESPACE, place.extmark, { details = true })
  )
  M.drop(place)
  local start = to_lsp(place, row, col, encoding)
  if not place.is_range then
    return { position = start }
  end
  local last = to_lsp(place, details.end_row, details.end_col, encoding)
  return { range = { start = start, ['end'] = last } }
end

return M
