--- Takes the server's edits: says honestly whether they were made, and keeps a generation one step
--- of the undo history.

local wire = require('streaming_code_generator.wire')

local M = {}

--- Where a buffer keeps its version after the last edit of the server.
local LAST_VERSION = 'streaming_code_generator_version'

--- The version as the server knows it: the change tick at the last change of text, and 0 before
--- the first one.
---@param bufnr integer
---@return integer
local function version_of(bufnr)
  return vim.lsp.util.buf_versions[bufnr]
end

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
  -- Neovim's own handler compares no version 0, so the server may say 1, which never comes.
  if type(version) == 'number' and math.max(version, 1) ~= math.max(version_of(bufnr), 1) then
    return ('The buffer is at version %d, the edit is for %d.'):format(version_of(bufnr), version)
  end
end

--- Let the next edit of a buffer begin a step of undo of its own.
---@param bufnr integer
function M.begin_step(bufnr)
  vim.b[bufnr][LAST_VERSION] = nil
end

--- Whether an edit belongs to the same step of undo as the one before it: nothing but the server
--- has changed the buffer since.
---@param bufnr integer
---@return boolean
local function is_continuation(bufnr)
  return vim.b[bufnr][LAST_VERSION] == version_of(bufnr)
end

--- End the current step of undo, in insert mode too, where what is typed would join it.
local function end_step()
  vim.cmd('noautocmd let &l:undolevels = &l:undolevels')
end

local function join_step()
  -- It fails after an undo (E790): then there is nothing to join.
  pcall(vim.cmd, 'undojoin')
end

---@param bufnr integer
---@param edits lsp.TextEdit[]
---@param encoding string
local function apply(bufnr, edits, encoding)
  local before = is_continuation(bufnr) and join_step or end_step
  vim.api.nvim_buf_call(bufnr, before)
  vim.lsp.util.apply_text_edits(edits, bufnr, encoding)
  vim.api.nvim_buf_call(bufnr, end_step)
  vim.b[bufnr][LAST_VERSION] = version_of(bufnr)
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
  local changes = params.edit.documentChanges
  if not changes then
    return vim.lsp.handlers['workspace/applyEdit'](err, params, context)
  end
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  for index, change in ipairs(changes) do
    local refusal = take(client, change)
    if refusal then
      return { applied = false, failureReason = refusal, failedChange = index - 1 }
    end
  end
  return { applied = true }
end

return M
