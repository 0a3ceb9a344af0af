--- Takes the server's edits: says honestly whether they were made, and keeps a generation one step
--- of the undo history.

local changes = require('streaming_code_generator.changes')
local wire = require('streaming_code_generator.wire')

local M = {}

--- Where a buffer keeps the number of the step of undo that holds the last edit of the server.
local LAST_STEP = 'streaming_code_generator_step'

--- Load a file that is not open, so that the edit, and what follows of it, is seen.
---@param client vim.lsp.Client
---@param path string
---@return integer bufnr
local function load(client, path)
  local bufnr = vim.fn.bufadd(path)
  vim.fn.bufload(bufnr)
  vim.bo[bufnr].buflisted = true
  vim.lsp.buf_attach_client(bufnr, client.id)
  return bufnr
end

--- The buffer that an edit is for. An edit for a version is for an open one: if it was closed,
--- what could be loaded may be something else.
---@param client vim.lsp.Client
---@param document lsp.OptionalVersionedTextDocumentIdentifier
---@return integer? bufnr
---@return string? refusal
local function find_buffer(client, document)
  local bufnr = wire.buffer_of(client, document.uri)
  if bufnr then
    return bufnr
  end
  if type(document.version) == 'number' then
    return nil, 'The buffer is not loaded.'
  end
  local path = vim.uri_to_fname(document.uri)
  if vim.fn.filereadable(path) == 0 then
    return nil, 'There is no such file.'
  end
  return load(client, path)
end

---@param bufnr integer
---@param version? integer
---@return string? refusal
local function refusal_of(bufnr, version)
  local current = changes.version_of(bufnr)
  -- Neovim's own handler compares no version 0, so the server may say 1, which never comes.
  if type(version) == 'number' and math.max(version, 1) ~= math.max(current, 1) then
    return ('The buffer is at version %d, the edit is for %d.'):format(current, version)
  end
end

--- Let the next edit of a buffer begin a step of undo of its own.
---@param bufnr integer
function M.begin_step(bufnr)
  vim.b[bufnr][LAST_STEP] = nil
end

--- End the current buffer's step of undo, in insert mode too, where what is typed would join it.
local function end_step()
  vim.cmd('noautocmd let &l:undolevels = &l:undolevels')
end

--- Go on with the current buffer's step of undo where it is the server's, or end it. Whoever else
--- changes the buffer begins a step of their own; one that was taken back and brought again is the
--- server's as before.
local function join_or_end_step()
  if vim.b[LAST_STEP] == vim.fn.changenr() then
    -- It fails where a later step was taken back (E790), and then begins another one.
    pcall(vim.cmd, 'undojoin')
  else
    end_step()
  end
end

---@param bufnr integer
---@param edits lsp.TextEdit[]
---@param encoding string
local function apply(bufnr, edits, encoding)
  vim.api.nvim_buf_call(bufnr, join_or_end_step)
  vim.lsp.util.apply_text_edits(edits, bufnr, encoding)
  vim.api.nvim_buf_call(bufnr, function()
    vim.b[LAST_STEP] = vim.fn.changenr()
    end_step()
  end)
end

---@param client vim.lsp.Client
---@param change lsp.TextDocumentEdit
---@return string? refusal
local function take(client, change)
  local bufnr, refusal = find_buffer(client, change.textDocument)
  refusal = refusal or refusal_of(assert(bufnr), change.textDocument.version)
  if refusal then
    return refusal
  end
  local ok, problem = pcall(apply, bufnr, change.edits, client.offset_encoding)
  return not ok and tostring(problem) or nil
end

--- Handles `workspace/applyEdit`. Neovim's own handler answers `applied = true` for an edit that it
--- drops because the buffer has changed, and that text would be lost.
---@param err? lsp.ResponseError
---@param params lsp.ApplyWorkspaceEditParams
---@param context lsp.HandlerContext
---@return lsp.ApplyWorkspaceEditResult
function M.on_apply_edit(err, params, context)
  local documents = params.edit.documentChanges
  if not documents then
    return vim.lsp.handlers['workspace/applyEdit'](err, params, context)
  end
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  for index, change in ipairs(documents) do
    local refusal = take(client, change)
    if refusal then
      return { applied = false, failureReason = refusal, failedChange = index - 1 }
    end
  end
  return { applied = true }
end

return M
