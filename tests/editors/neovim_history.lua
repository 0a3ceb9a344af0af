-- Keeps, for a test, who changed the buffer and to what: the server, a second server, or the user.
--
-- Edits are recognised by the handler that applies them; whatever else changes the text is the
-- user's. So a change of one is never taken for a change of the other, however they interleave.

local M = {}

local history ---@type { author: string, what: string, text: string }[]
local traffic ---@type table[]
local bufnr ---@type integer
local known ---@type string The text after the last change that was noted.
local doing ---@type string? What the user is doing.
local is_inside = false -- a change that is noted as a whole when it is done

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false), '\n')
end

local function note(author, what)
  local now = text()
  if now ~= known or what:find('edit!', 1, true) then
    history[#history + 1] = { author = author, what = what, text = now }
    known = now
  end
end

-- What an edit is called. One that was made for the text before the file was read anew lies
-- anywhere in the new one: Neovim counts versions from 0 again then, and takes it for a later one.
local function name_of(params)
  -- The server says 1 for version 0.
  local version = math.max(vim.lsp.util.buf_versions[bufnr], 1)
  for _, change in ipairs(params.edit.documentChanges or {}) do
    if (change.textDocument.version or 0) > version then
      return 'applyEdit for another text'
    end
  end
  return 'applyEdit'
end

-- Do something that counts as one change of somebody's.
local function as(author, what, act)
  note('user', doing or 'nothing was pressed')
  local was_inside = is_inside
  is_inside = true
  local result = { pcall(act) }
  is_inside = was_inside
  note(author, what)
  return unpack(result)
end

local function noted_handler(handler)
  return function(err, params, context)
    local client = vim.lsp.get_client_by_id(context.client_id)
    local author = client.name == 'second' and 'second' or 'server'
    local ok, result = as(author, name_of(params), function()
      return handler(err, params, context)
    end)
    traffic[#traffic + 1] = { from = author, params = params, answer = result }
    if not ok then
      error(result, 0)
    end
    return result
  end
end

local function note_traffic_to(client)
  local notify = client.rpc.notify
  client.rpc.notify = function(method, params)
    traffic[#traffic + 1] = { to = client.name, method = method, params = params }
    return notify(method, params)
  end
end

-- Called once in an editor, before there is a server.
function M.install(has_plugin)
  local method = 'workspace/applyEdit'
  vim.lsp.handlers[method] = noted_handler(vim.lsp.handlers[method])
  if has_plugin then
    local edits = require('streaming_code_generator.edits')
    edits.on_apply_edit = noted_handler(edits.on_apply_edit)
  end
  vim.api.nvim_create_autocmd('LspAttach', {
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if not client.config.is_noted then
        client.config.is_noted = true
        note_traffic_to(client)
      end
    end,
  })
end

-- What the server says of a generation stands in the history between the changes.
function M.on_update(update)
  local last = history[#history]
  local what = update.id .. ' ' .. update.state
  if not (last and last.author == 'state' and last.what == what) then
    history[#history + 1] = { author = 'state', what = what, text = known }
  end
end

local attached ---@type integer?

local function attach()
  attached = bufnr
  vim.api.nvim_buf_attach(bufnr, false, {
    on_lines = function(_, changed)
      if changed ~= bufnr then
        return true
      end
      if not is_inside then
        note('user', doing or 'nothing was pressed')
      end
    end,
    on_reload = function() end,
    on_detach = function()
      attached = nil
    end,
  })
end

-- Begin the history of the current buffer.
function M.begin()
  history, traffic = {}, {}
  bufnr = vim.api.nvim_get_current_buf()
  known = text()
  attach()
end

function M.get()
  return history
end

function M.traffic()
  return traffic
end

-- What the user does key by key, until `M.is_doing()` says otherwise.
function M.is_doing(what)
  doing = what
end

-- Press keys, all of them in one turn of the event loop.
function M.press(keys)
  doing = keys
  traffic[#traffic + 1] = { pressed = keys }
  as('user', keys, function()
    vim.api.nvim_feedkeys(vim.keycode(keys), 'tx', false)
  end)
  doing = nil
  if not attached then -- any more: the file was read anew
    attach()
  end
end

-- Whether a line holds generated text: by the first byte of Hangul syllables.
local function is_generated(line)
  return line:find('[\234-\237]') ~= nil
end

local function rows_of(where, lines)
  if where == 'anywhere' then
    return {}
  end
  local rows = {}
  for row, line in ipairs(lines) do
    local beside = lines[row - 1] or ''
    local is_border = is_generated(line) ~= is_generated(beside)
    if where == 'generated' and is_generated(line) then
      rows[#rows + 1] = row
    elseif where == 'border' and is_border then
      vim.list_extend(rows, { row, math.max(row - 1, 1) })
    end
  end
  return rows
end

-- Put the cursor somewhere, by two numbers from 0 to 1.
function M.go(where, row_share, col_share)
  local lines = vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)
  local rows = rows_of(where, lines)
  local row = math.floor(row_share * #lines) + 1
  if #rows > 0 then
    row = rows[math.floor(row_share * #rows) + 1]
  end
  local starts = vim.str_utf_pos(lines[row])
  local col = #starts > 0 and starts[math.floor(col_share * #starts) + 1] - 1 or 0
  vim.api.nvim_win_set_cursor(0, { row, col })
end

local request_as_second ---@type fun(method: string, params: table)

local function second_server(dispatchers)
  request_as_second = dispatchers.server_request
  local is_closing = false
  return {
    request = function(method, _, callback)
      local sync = { positionEncoding = 'utf-8', textDocumentSync = 2 }
      callback(nil, method == 'initialize' and { capabilities = sync } or nil)
      return true, 1
    end,
    notify = function()
      return true
    end,
    is_closing = function()
      return is_closing
    end,
    terminate = function()
      is_closing = true
    end,
  }
end

-- Start a server inside Neovim that edits the buffer too, and is told of it in UTF-8.
function M.start_second()
  vim.lsp.start({ name = 'second', cmd = second_server, root_dir = vim.fn.getcwd() })
end

-- Have it insert a text before a line.
function M.edit_as_second(row_share, added)
  local row = math.floor(row_share * vim.api.nvim_buf_line_count(bufnr))
  local range = { start = { line = row, character = 0 }, ['end'] = { line = row, character = 0 } }
  local changes = { [vim.uri_from_bufnr(bufnr)] = { { range = range, newText = added } } }
  request_as_second('workspace/applyEdit', { edit = { changes = changes } })
end

return M
