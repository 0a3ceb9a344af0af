--- What the server tells of its generations, and what is made of it.

local changes = require('streaming_code_generator.changes')
local edits = require('streaming_code_generator.edits')
local highlight = require('streaming_code_generator.highlight')
local report = require('streaming_code_generator.report')
local wire = require('streaming_code_generator.wire')

local M = {}

---@type table<string, streaming_code_generator.Update> The running ones, by id.
local running = {}

---@type table<streaming_code_generator.State, integer>
local LEVELS = {
  completed = vim.log.levels.INFO,
  cancelled = vim.log.levels.INFO,
  error = vim.log.levels.ERROR,
}

---@param uri? string Only those of this document.
---@return streaming_code_generator.Update[]
function M.running(uri)
  return vim.tbl_filter(function(update)
    return uri == nil or update.uri == uri
  end, vim.tbl_values(running))
end

--- Forget what a server had running that is gone.
function M.clear()
  running = {}
  highlight.clear()
end

---@param update streaming_code_generator.Update
---@param client vim.lsp.Client
---@param bufnr integer?
local function draw(update, client, bufnr)
  if update.state == 'forgotten' or not bufnr then
    highlight.remove(update.id)
  else
    highlight.show(bufnr, update, client.offset_encoding)
  end
end

--- Note what runs. The end of a generation is told once, though more may be told of its text.
---@param update streaming_code_generator.Update
---@return boolean has_ended With this update.
local function follow(update)
  local was_running = running[update.id] ~= nil
  if update.state == 'running' or update.state == 'queued' then
    running[update.id] = update
  elseif LEVELS[update.state] then
    running[update.id] = nil
  end
  return was_running and running[update.id] == nil
end

--- Tell how a generation ended, and close its step of undo, which it shares with those that run
--- beside it in the document.
---@param update streaming_code_generator.Update
---@param bufnr integer?
local function finish(update, bufnr)
  report.tell(update.message, LEVELS[update.state])
  if bufnr and #M.running(update.uri) == 0 then
    edits.begin_step(bufnr)
  end
end

--- Handles `streamingCodeGenerator/didUpdateGeneration`.
---@param _ any
---@param update streaming_code_generator.Update
---@param context lsp.HandlerContext
function M.on_update(_, update, context)
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  local bufnr = wire.buffer_of(client, update.uri)
  if bufnr then
    changes.watch(client, bufnr)
  end
  draw(update, client, bufnr)
  if follow(update) then
    finish(update, bufnr)
  end
  vim.api.nvim_exec_autocmds('User', {
    pattern = 'StreamingCodeGeneratorUpdate',
    modeline = false,
    data = { client_id = context.client_id, update = update },
  })
end

return M
