--- What is said between the server and this plug-in beyond LSP: the names, the shapes, the requests.

local installed = require('streaming_code_generator.installed')
local report = require('streaming_code_generator.report')

local M = {}

--- Of the configuration in `lsp/`, and so of the client.
M.CLIENT_NAME = 'streaming_code_generator'

M.STATUS_TIMEOUT_MS = 1000

---@alias streaming_code_generator.State
---| 'queued'
---| 'running'
---| 'completed'
---| 'cancelled'
---| 'error'
---| 'forgotten'

--- The parameters of `streamingCodeGenerator/didUpdateGeneration`.
---@class (exact) streaming_code_generator.Update
---@field id string
---@field uri string
---@field state streaming_code_generator.State
---@field range? lsp.Range
---@field message string
---@field tokens integer
---@field elapsedSeconds number
---@field tokensPerSecond number

---@alias streaming_code_generator.Command
---| 'generate'
---| 'cancel'
---| 'accept'
---| 'remove'
---| 'retry'
---| 'status'

--- The client of a buffer, if the server is up.
---@param bufnr integer
---@return vim.lsp.Client?
function M.client_of(bufnr)
  return vim.lsp.get_clients({ bufnr = bufnr, name = M.CLIENT_NAME })[1]
end

--- The open buffer of a URI. A buffer without a name has the URI `file://`, as have all others
--- without one; then it must be the only one.
---@param client vim.lsp.Client
---@param uri string
---@return integer? bufnr
function M.buffer_of(client, uri)
  local found ---@type integer?
  for bufnr in pairs(client.attached_buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.uri_from_bufnr(bufnr) == uri then
      if found then
        return nil
      end
      found = bufnr
    end
  end
  return found
end

--- Whether there is a server to start; where there is none, the user is told what to do.
---@param config vim.lsp.ClientConfig
---@return boolean
local function is_there(config)
  local cmd = config.cmd
  -- A function, or an environment with a path of its own, is believed.
  if type(cmd) ~= 'table' or config.cmd_env or vim.fn.executable(cmd[1]) == 1 then
    return true
  end
  local is_ours = vim.deep_equal(cmd, installed.command())
  report.problem(
    is_ours and 'There is no server yet: :StreamingCodeGenerator install installs it.'
      or ('The server %q of your `cmd` is not executable.'):format(cmd[1])
  )
  return false
end

--- Start the server of a buffer where it is not up.
---@param bufnr integer
---@return integer? client_id Nothing where it cannot be started, which the user is told.
function M.start(bufnr)
  local client = M.client_of(bufnr)
  if client then
    return client.id
  end
  local config = vim.deepcopy(vim.lsp.config[M.CLIENT_NAME])
  if not is_there(config) then
    return nil
  end
  if type(config.root_dir) ~= 'string' then
    config.root_dir = config.root_markers and vim.fs.root(bufnr, config.root_markers)
  end
  return vim.lsp.start(config, { bufnr = bufnr })
end

--- Call back with the buffer's client, which is started and attached where it is not; never, where
--- it cannot be started.
---@param bufnr integer
---@param callback fun(client: vim.lsp.Client)
function M.with_client(bufnr, callback)
  local client_id = M.start(bufnr)
  local client = client_id and vim.lsp.get_client_by_id(client_id)
  if not client or client.initialized then
    return client and callback(client)
  end
  vim.api.nvim_create_autocmd('LspAttach', {
    buffer = bufnr,
    callback = function(event)
      if event.data.client_id == client_id then
        vim.schedule_wrap(callback)(client)
        return true -- removes the autocommand
      end
    end,
  })
end

---@param command streaming_code_generator.Command
---@param argument table
---@return lsp.ExecuteCommandParams
local function params_of(command, argument)
  return {
    command = 'streamingCodeGenerator.' .. command,
    arguments = { next(argument) and argument or vim.empty_dict() },
  }
end

--- What the server says of itself and its generations, waited for; nil where it does not say it in
--- the time of a key press, or where none runs.
---@param bufnr integer
---@return streaming_code_generator.Status?
function M.status(bufnr)
  local client = M.client_of(bufnr)
  local params = params_of('status', {})
  local answer = client
    and client:request_sync('workspace/executeCommand', params, M.STATUS_TIMEOUT_MS, bufnr)
  return answer and answer.result
end

--- Ask the server to run one of its commands. Neovim first sends the changes it holds back, so the
--- server knows the buffer as it is.
---@param client vim.lsp.Client
---@param bufnr integer
---@param command streaming_code_generator.Command
---@param argument table
---@param on_answer fun(message?: string, result: any) Called with an error's message or a result.
function M.execute(client, bufnr, command, argument, on_answer)
  client:request('workspace/executeCommand', params_of(command, argument), function(err, result)
    on_answer(err and err.message, result)
  end, bufnr)
end

return M
