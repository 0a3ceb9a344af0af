--- Streams generated code into a buffer while you go on typing. See |streaming-code-generator|.
---
--- No model is spoken to from here: the plug-in asks the language server, and shows what comes.

local changes = require('streaming_code_generator.changes')
local config = require('streaming_code_generator.config')
local highlight = require('streaming_code_generator.highlight')
local place = require('streaming_code_generator.place')
local report = require('streaming_code_generator.report')
local wire = require('streaming_code_generator.wire')

local M = {}

--- Set options; there is no need to call it.
---@param options? streaming_code_generator.Options
function M.setup(options)
  config.set(options)
end

--- Run one of the server's commands, which needs a server that runs already.
---@param client? vim.lsp.Client
---@param name streaming_code_generator.Command
---@param argument table
---@param on_result? fun(result: any)
local function run(client, name, argument, on_result)
  if not client then
    return report.problem('No generation: the server does not run for this buffer.')
  end
  local bufnr = vim.api.nvim_get_current_buf()
  wire.execute(client, bufnr, name, argument, function(problem, result)
    if problem then
      report.problem(problem)
    elseif on_result then
      on_result(result)
    end
  end)
end

--- Run one of its commands on the server of the current buffer.
---@param name streaming_code_generator.Command
---@param argument table
---@param on_result? fun(result: any)
local function run_here(name, argument, on_result)
  run(wire.client_of(vim.api.nvim_get_current_buf()), name, argument, on_result)
end

---@class (exact) streaming_code_generator.Request
---@field prompt? string May have several lines; without one it is the selection, else the comment at or above the cursor.
---@field range? [integer, integer] First and last line, 1-based, to be replaced; without them the code goes to the cursor.
---@field profile? string One of those that the setting `profiles` has.

---@param at streaming_code_generator.Place
---@param prompt? string
---@param profile? string
local function send(at, prompt, profile)
  wire.with_client(at.bufnr, function(client)
    local argument = place.take(at, client.offset_encoding)
    argument.textDocument = {
      uri = vim.uri_from_bufnr(at.bufnr),
      version = changes.version_of(at.bufnr),
    }
    argument.prompt = prompt
    argument.profile = profile
    -- The server answers as soon as it has started. All the rest, the end and a failure too, comes
    -- as an update, whoever started it: this command, a code action or a code lens. (An answer at
    -- the end would not come at all after a cancel: Neovim drops those.)
    argument.wait = false
    wire.execute(client, at.bufnr, 'generate', argument, function(problem)
      if problem then
        report.problem(problem)
      end
    end)
  end)
end

---@param request streaming_code_generator.Request
---@return streaming_code_generator.Place
local function place_of(request)
  return request.range and place.of_range(unpack(request.range)) or place.at_cursor()
end

--- Generate code at the cursor of the current window, or in place of a range.
---@param request? streaming_code_generator.Request
function M.generate(request)
  request = request or {}
  send(place_of(request), request.prompt, request.profile)
end

--- The same, with the prompt asked for, while the server starts. An empty one means: none. Without
--- an answer nothing is generated.
---@param request? streaming_code_generator.Request
function M.ask(request)
  request = request or {}
  local at = place_of(request)
  if not wire.start(at.bufnr) then
    return place.drop(at)
  end
  vim.ui.input({ prompt = 'Generate: ' }, function(prompt)
    if prompt then
      send(at, prompt ~= '' and prompt or nil, request.profile)
    else
      place.drop(at)
    end
  end)
end

--- The generation at the cursor, else (by its absence) the last one of the document.
---@return { id?: string, uri: string }
local function chosen()
  local bufnr = vim.api.nvim_get_current_buf()
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  return { id = highlight.at(bufnr, row), uri = vim.uri_from_bufnr(bufnr) }
end

--- Cancel the generation at the cursor, else all of this buffer.
---@param everywhere? boolean All of every buffer.
function M.cancel(everywhere)
  local generations = require('streaming_code_generator.generations')
  if everywhere and #generations.running() > 0 then
    for _, client in ipairs(vim.lsp.get_clients({ name = wire.CLIENT_NAME })) do
      run(client, 'cancel', {})
    end
    return
  end
  local choice = chosen()
  local running = generations.running(choice.uri)
  local at_cursor = vim.tbl_filter(function(update)
    return update.id == choice.id
  end, running)
  for _, update in ipairs(#at_cursor > 0 and at_cursor or running) do
    run_here('cancel', { id = update.id })
  end
  if #running == 0 then
    report.tell(
      everywhere and 'No generation runs.' or 'No generation runs in this buffer.',
      vim.log.levels.INFO
    )
  end
end

--- Keep the generation's text and forget that it was generated.
function M.accept()
  run_here('accept', chosen())
end

--- Take the generation's text out again, and put back what stood there.
function M.remove()
  run_here('remove', chosen())
end

--- Remove the generation's text and generate again with the same prompt.
function M.retry()
  local choice = chosen()
  choice.wait = false
  run_here('retry', choice)
end

--- The names of the profiles that are set, as far as a server runs for this buffer.
---@return string[]
function M.profiles()
  local status = wire.status(vim.api.nvim_get_current_buf())
  return status and status.profiles or {}
end

--- Show running and recent generations, the totals and the costs, of today too: the server is
--- started for that.
function M.status()
  wire.with_client(vim.api.nvim_get_current_buf(), function(client)
    run(client, 'status', {}, function(result)
      require('streaming_code_generator.view').open(
        require('streaming_code_generator.status').text(result)
      )
    end)
  end)
end

--- Show what the server has logged, whole responses included.
function M.log()
  require('streaming_code_generator.log').open()
end

--- Install the server that this plug-in's checkout holds, in an environment of the plug-in's own.
---@param request? streaming_code_generator.InstallRequest
function M.install(request)
  require('streaming_code_generator.install').install(request)
end

--- Accept the ghost text at the cursor, or its first word or line.
---@param part? 'all' | 'word' | 'line'
---@return boolean was_there
function M.accept_suggestion(part)
  return require('streaming_code_generator.ghost').accept(part)
end

--- Ask for ghost text at the cursor, whether or not it comes by itself.
function M.suggest()
  require('streaming_code_generator.ghost').ask()
end

--- Text for 'statusline', empty when nothing runs.
---@return string
function M.statusline()
  return require('streaming_code_generator.progress').statusline()
end

return M
