--- What the server must know of a buffer's changes and cannot read from them: which were an undo or
--- a redo, and that a file was read anew.

local wire = require('streaming_code_generator.wire')

local M = {}

local DID_CHANGE = 'textDocument/didChange'
local DID_UNDO = 'streamingCodeGenerator/didUndo'

--- So many changes are looked at in one turn of the event loop. The tree of undo is walked for
--- each, which for thousands of them, as `:global` makes, would be felt.
local MOST_LOOKS = 200

---@alias streaming_code_generator.UndoKind 'undo'|'redo'

---@class (exact) streaming_code_generator.Watch
---@field client vim.lsp.Client
---@field version integer Of the last change that was looked at.
---@field sent_version integer Of the last change that Neovim has sent.
---@field reloaded_version integer Of the buffer when it was read anew, for the server.
---@field kind? streaming_code_generator.UndoKind Of a change that Neovim still holds back.
---@field step? streaming_code_generator.UndoKind Of the step that is just being taken back or brought again.
---@field looks integer

---@type table<integer, streaming_code_generator.Watch> By buffer.
local watches = {}

---@type table<vim.lsp.Client, true> Those in whose way to the server this module stands.
local listened = setmetatable({}, { __mode = 'k' })

--- The sequence number of the change that is undone or redone, wherever in the tree it is.
---@param entries vim.fn.undotree.entry[]
---@return integer?
local function current_change(entries)
  for _, entry in ipairs(entries) do
    local found = entry.curhead and entry.seq or current_change(entry.alt or {})
    if found then
      return found
    end
  end
end

--- What a change is, while it is made. One that is no undo has by then opened a step of its own
--- (`:help undo-blocks`); an undo closes the one before and opens none.
---@param bufnr integer
---@return streaming_code_generator.UndoKind?
local function look(bufnr)
  local tree = vim.fn.undotree(bufnr)
  local change = tree.synced == 1 and current_change(tree.entries)
  if change then
    return change > tree.seq_cur and 'redo' or 'undo'
  end
end

---@param bufnr integer
---@param watch streaming_code_generator.Watch
---@return streaming_code_generator.UndoKind?
local function kind_of(bufnr, watch)
  if watch.step or watch.looks >= MOST_LOOKS then
    return watch.step
  end
  if watch.looks == 0 then
    vim.schedule(function()
      watch.looks, watch.step = 0, nil
    end)
  end
  watch.looks = watch.looks + 1
  watch.step = look(bufnr)
  return watch.step
end

--- Say of a change that is about to be sent whether it is an undo.
---@param notify fun(method: string, params: table): boolean
---@param bufnr integer
---@param watch streaming_code_generator.Watch
---@param document lsp.VersionedTextDocumentIdentifier
local function tell(notify, bufnr, watch, document)
  -- Neovim may send a change while it is made, before it was looked at.
  local is_being_made = document.version ~= watch.version
  local kind = watch.kind or (is_being_made and kind_of(bufnr, watch) or nil)
  watch.kind, watch.sent_version = nil, document.version
  if kind then
    notify(DID_UNDO, { textDocument = document, kind = kind })
  end
end

--- Have what is said of a change go out before the change itself.
---@param client vim.lsp.Client
local function speak_first(client)
  if listened[client] then
    return
  end
  listened[client] = true
  local notify = client.rpc.notify
  client.rpc.notify = function(method, params) ---@diagnostic disable-line: duplicate-set-field
    if method == DID_UNDO then
      return true -- it has gone out with the change: see `send_now`
    end
    local bufnr = method == DID_CHANGE and wire.buffer_of(client, params.textDocument.uri)
    local watch = bufnr and watches[bufnr]
    if bufnr and watch then
      tell(notify, bufnr, watch, params.textDocument)
    end
    return notify(method, params)
  end
end

--- Have Neovim send what it holds back, so that what comes next is a change of its own: it does
--- that before any other notification.
---@param watch streaming_code_generator.Watch
local function send_now(watch)
  watch.client:notify(DID_UNDO)
end

--- Give a buffer that was read anew a version of its own. Neovim opens it with the version of the
--- old text, so an edit of that, still on its way, would be taken for one of the new.
---@param bufnr integer
---@param watch streaming_code_generator.Watch
local function note_reload(bufnr, watch)
  watch.kind, watch.step = nil, nil
  watch.reloaded_version =
    math.max(vim.api.nvim_buf_get_changedtick(bufnr), vim.lsp.util.buf_versions[bufnr] + 1)
  watch.version = watch.reloaded_version
  watch.client:notify(DID_CHANGE, {
    textDocument = { uri = vim.uri_from_bufnr(bufnr), version = watch.reloaded_version },
    contentChanges = {},
  })
end

---@param bufnr integer
---@param watch streaming_code_generator.Watch
local function attach(bufnr, watch)
  vim.api.nvim_buf_attach(bufnr, false, {
    on_lines = function(_, _, version)
      if watches[bufnr] ~= watch then
        return true -- detaches
      end
      watch.version = version
      if version ~= watch.sent_version then
        watch.kind = watch.kind or kind_of(bufnr, watch)
      end
    end,
    -- Comes behind the changes of a step that was undone or redone.
    on_changedtick = function()
      watch.step = nil
      if watch.kind then
        send_now(watch)
      end
    end,
    on_reload = function()
      if watches[bufnr] == watch then
        note_reload(bufnr, watch)
      end
    end,
    on_detach = function()
      if watches[bufnr] == watch then
        watches[bufnr] = nil
      end
    end,
  })
end

--- Follow the changes of a buffer from now on.
---@param client vim.lsp.Client
---@param bufnr integer
function M.watch(client, bufnr)
  local watch = watches[bufnr]
  if watch and watch.client == client then
    return
  end
  speak_first(client)
  local version = vim.lsp.util.buf_versions[bufnr]
  watches[bufnr] = {
    client = client,
    version = version,
    sent_version = version,
    reloaded_version = 0,
    looks = 0,
  }
  attach(bufnr, watches[bufnr])
end

--- The version of a buffer as the server knows it: the change tick at the last change of text, and
--- 0 before the first one.
---@param bufnr integer
---@return integer
function M.version_of(bufnr)
  local watch = watches[bufnr]
  return math.max(vim.lsp.util.buf_versions[bufnr], watch and watch.reloaded_version or 0)
end

return M
