--- Ghost text: what may come next at the cursor, shown as if it stood there.
---
--- Neovim 0.12 does it by itself (`vim.lsp.inline_completion`), and is only switched on. For older
--- ones it is drawn here.

local config = require('streaming_code_generator.config')
local wire = require('streaming_code_generator.wire')

local M = {}

local METHOD = 'textDocument/inlineCompletion'
local AUTOMATIC, INVOKED = 2, 1
local GROUP = 'StreamingCodeGeneratorGhost'
local namespace = vim.api.nvim_create_namespace('streaming_code_generator.ghost')
vim.api.nvim_set_hl(0, GROUP, { link = 'NonText', default = true })

---@class (exact) streaming_code_generator.Ghost
---@field bufnr integer
---@field row integer 0-based.
---@field column integer In bytes.
---@field tick integer
---@field text string
local shown ---@type streaming_code_generator.Ghost?
local asked ---@type { client: vim.lsp.Client, id: integer, at: string }?

--- Where the cursor is, and in which state of the buffer: what an answer must still fit.
---@param bufnr integer
---@return integer row
---@return integer column
---@return integer tick
local function cursor(bufnr)
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  return row - 1, column, vim.api.nvim_buf_get_changedtick(bufnr)
end

---@param ghost streaming_code_generator.Ghost
local function draw(ghost)
  local lines = vim.split(ghost.text, '\n', { plain = true })
  local below = {}
  for index = 2, #lines do
    below[#below + 1] = { { lines[index], GROUP } }
  end
  vim.api.nvim_buf_clear_namespace(ghost.bufnr, namespace, 0, -1)
  vim.api.nvim_buf_set_extmark(ghost.bufnr, namespace, ghost.row, ghost.column, {
    virt_text = { { lines[1], GROUP } },
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
  })
  shown = ghost
end

--- Show nothing, and wait for nothing.
function M.hide()
  if shown and vim.api.nvim_buf_is_valid(shown.bufnr) then
    vim.api.nvim_buf_clear_namespace(shown.bufnr, namespace, 0, -1)
  end
  shown = nil
  if asked then
    asked.client:cancel_request(asked.id)
    asked = nil
  end
end

--- Keep what is left of the text if its beginning was typed; else take it away.
---@param bufnr integer
local function follow_typing(bufnr)
  local row, column, tick = cursor(bufnr)
  if not shown or shown.bufnr ~= bufnr or shown.row ~= row or column < shown.column then
    return M.hide()
  end
  local typed = vim.api.nvim_buf_get_text(bufnr, row, shown.column, row, column, {})[1]
  if typed == '' and tick == shown.tick then
    return
  end
  if typed == '' or not vim.startswith(shown.text, typed) or #typed == #shown.text then
    return M.hide()
  end
  local text = shown.text:sub(#typed + 1)
  draw({ bufnr = bufnr, row = row, column = column, tick = tick, text = text })
end

---@param bufnr integer
---@param trigger integer
local function ask(bufnr, trigger)
  local client = wire.client_of(bufnr)
  if not client or vim.fn.pumvisible() == 1 then
    return M.hide()
  end
  local row, column, tick = cursor(bufnr)
  local at = ('%d %d %d %d'):format(bufnr, row, column, tick)
  if asked and trigger == AUTOMATIC and asked.at == at then
    return
  end
  if asked then
    asked.client:cancel_request(asked.id)
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  ---@cast params table
  params.context = { triggerKind = trigger }
  local sent, id = client:request(METHOD, params, function(problem, result)
    local now_row, now_column, now_tick = cursor(bufnr)
    local is_current = asked and asked.at == at and vim.api.nvim_get_current_buf() == bufnr
    if not is_current or now_row ~= row or now_column ~= column or now_tick ~= tick then
      return
    end
    local items = not problem and result and (result.items or result) or {}
    local is_inserting = vim.startswith(vim.api.nvim_get_mode().mode, 'i')
    if #items == 0 or type(items[1].insertText) ~= 'string' or not is_inserting then
      return M.hide()
    end
    draw({ bufnr = bufnr, row = row, column = column, tick = tick, text = items[1].insertText })
  end, bufnr)
  asked = sent and { client = client, id = id, at = at } or nil
end

--- What a part of a text is.
---@param text string
---@param part 'all' | 'word' | 'line'
---@return string
local function beginning(text, part)
  if part == 'word' then
    return text:match('^%s*[%w_]+') or text:match('^%s*[^%w_%s]+') or text
  end
  return part == 'line' and text:match('^\n?[^\n]*') or text
end

--- Put the ghost text into the buffer, or its first word or line; without any, do nothing.
---@param part? 'all' | 'word' | 'line'
---@return boolean was_there
function M.accept(part)
  local inline = vim.lsp.inline_completion
  if inline then
    return inline.get()
  end
  local ghost = shown
  if not ghost or ghost.bufnr ~= vim.api.nvim_get_current_buf() then
    return false
  end
  M.hide()
  local lines = vim.split(beginning(ghost.text, part or 'all'), '\n', { plain = true })
  local row, column = ghost.row, ghost.column
  vim.api.nvim_buf_set_text(ghost.bufnr, row, column, row, column, lines)
  local end_column = #lines[#lines] + (#lines == 1 and column or 0)
  vim.api.nvim_win_set_cursor(0, { row + #lines, end_column })
  ask(ghost.bufnr, AUTOMATIC)
  return true
end

--- Whether ghost text is shown at the cursor.
---@return boolean
function M.is_shown()
  return shown ~= nil
end

--- Ask for ghost text now, whether or not it comes by itself.
function M.ask()
  ask(vim.api.nvim_get_current_buf(), INVOKED)
end

--- Begin with a buffer that the server was attached to.
---@param bufnr integer
---@param client vim.lsp.Client
function M.attach(bufnr, client)
  if not config.get().ghost_text or not client.server_capabilities.inlineCompletionProvider then
    return
  end
  if vim.lsp.inline_completion then
    vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
    return
  end
  local group = vim.api.nvim_create_augroup('streaming_code_generator.ghost.' .. bufnr, {})
  vim.api.nvim_create_autocmd({ 'TextChangedI', 'CursorMovedI', 'InsertEnter' }, {
    group = group,
    buffer = bufnr,
    desc = 'Show what may come next',
    callback = function()
      follow_typing(bufnr)
      ask(bufnr, AUTOMATIC)
    end,
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, {
    group = group,
    buffer = bufnr,
    desc = 'Hide what may come next',
    callback = M.hide,
  })
end

return M
