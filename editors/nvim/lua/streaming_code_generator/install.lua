--- `:StreamingCodeGenerator install`: makes an environment with the server, from the checkout that
--- this plug-in lies in.

local installed = require('streaming_code_generator.installed')
local log = require('streaming_code_generator.log')
local progress = require('streaming_code_generator.progress')
local report = require('streaming_code_generator.report')
local wire = require('streaming_code_generator.wire')

local M = {}

--- The smallest of the embedded models.
local MODEL = 'smollm2'
local PROGRESS_TOKEN = 'streaming-code-generator-install'
local IS_RUNNING = 'The server is being installed already.'
local NO_PYTHON = 'Python 3.11 or later was not found. Install it, or uv, and try again.'
local NO_CHECKOUT = 'This plug-in lies in no checkout of the repository, and has no server to '
  .. 'install. Install one yourself, and name it: '
  .. "vim.lsp.config('streaming_code_generator', { cmd = { … } })"

---@class (exact) streaming_code_generator.InstallRequest
---@field embedded? boolean With the embedded model and what it needs (default: true).

---@class (exact) streaming_code_generator.InstallStep
---@field what string
---@field command string[]

local is_running = false

---@param message? string Nothing: the end.
local function show(message)
  local kind = message and 'report' or 'end'
  progress.on_progress({ token = PROGRESS_TOKEN, value = { kind = kind, message = message } })
end

--- The first Python that is new enough.
---@return string?
local function find_python()
  local check = 'import sys; sys.exit(sys.version_info < (3, 11))'
  for _, name in ipairs({ 'python3', 'python', 'python3.13', 'python3.12', 'python3.11' }) do
    if
      vim.fn.executable(name) == 1 and vim.system({ name, '-I', '-c', check }):wait().code == 0
    then
      return name
    end
  end
end

--- How an environment is made: with uv where it is there, else with what Python itself has.
---@param environment string
---@param requirement string
---@return streaming_code_generator.InstallStep[]? steps
local function steps_to(environment, requirement)
  local python = installed.program(environment, 'python')
  local make, install ---@type string[], string[]
  if vim.fn.executable('uv') == 1 then
    make = { 'uv', 'venv', '--python', '>=3.11', environment }
    -- Without the last option uv would take a server that it has built from the same folder before.
    install = { 'uv', 'pip', 'install', '--python', python, requirement }
    vim.list_extend(install, { '--refresh-package', 'streaming-code-generator' })
  else
    local base = find_python()
    if not base then
      return nil
    end
    -- Isolated: the folder that is open may hold a `pip` or `venv` of its own. Not compiled, as with uv: most of it is
    -- never imported.
    make = { base, '-I', '-m', 'venv', environment }
    install =
      { python, '-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-compile' }
    table.insert(install, requirement)
  end
  return {
    { what = 'making an environment', command = make },
    { what = 'installing packages', command = install },
    {
      what = 'trying the server',
      command = { installed.program(environment, 'streaming-code-generator'), '--version' },
    },
  }
end

--- The last line of an output, which says what went wrong.
---@param output string
---@return string
local function last_line(output)
  local lines = vim.split(vim.trim(output), '%s*\n%s*')
  return lines[#lines]
end

--- Show the last line of what a step says, as it says it.
---@param data? string
local show_line = vim.schedule_wrap(function(data)
  local line = data and last_line(data) or ''
  if is_running and line ~= '' then
    show('Installing the server: ' .. line)
  end
end)

--- Run a step; call back with its output, and whether it went well.
---@param step streaming_code_generator.InstallStep
---@param on_done fun(is_well: boolean, output: string)
local function run_step(step, on_done)
  show('Installing the server: ' .. step.what)
  local output = {} ---@type string[]
  local function hear(_, data)
    output[#output + 1] = data
    show_line(data)
  end
  local on_exit = vim.schedule_wrap(function(result)
    on_done(result.code == 0, table.concat(output))
  end)
  local options = { text = true, stdout = hear, stderr = hear }
  local ok, problem = pcall(vim.system, step.command, options, on_exit)
  if not ok then
    on_done(false, tostring(problem))
  end
end

--- Run one step after the other; call back with what went wrong, or with the last one's output.
---@param steps streaming_code_generator.InstallStep[]
---@param on_done fun(problem?: string, output: string)
local function run(steps, on_done)
  local step = table.remove(steps, 1)
  run_step(step, function(is_well, output)
    log.add(table.concat(step.command, ' ') .. '\n' .. output)
    if not is_well then
      on_done(('%s: %s'):format(step.what, last_line(output)), output)
    elseif #steps > 0 then
      run(steps, on_done)
    else
      on_done(nil, output)
    end
  end)
end

--- Remove what earlier installations have left, the one in use excepted.
local function remove_others()
  local note = installed.get()
  for name, kind in vim.fs.dir(installed.folder()) do
    local path = vim.fs.joinpath(installed.folder(), name)
    if kind == 'directory' and not (note and path == note.environment) then
      vim.fs.rm(path, { recursive = true, force = true })
    end
  end
end

--- Have the next start take the server that is installed now, unless another one is configured.
---@param before string[] What started it so far if none is.
---@return boolean is_taken
local function configure(before)
  if vim.deep_equal(vim.lsp.config[wire.CLIENT_NAME].cmd, before) then
    vim.lsp.config(wire.CLIENT_NAME, { cmd = installed.command() })
    return true
  end
  return false
end

--- Use an environment from now on, and say what there is to say of that.
---@param note streaming_code_generator.Installed
---@return string
local function use(note)
  local before = installed.command()
  installed.set(note)
  if not configure(before) then
    return 'Your `cmd` for the server goes before it.'
  elseif #vim.lsp.get_clients({ name = wire.CLIENT_NAME }) > 0 then
    return 'Restart Neovim to use it.'
  end
  return ''
end

---@param message string
---@param problem? string
local function finish(message, problem)
  is_running = false
  show(nil)
  if problem then
    -- The way to the whole comes first: of a long line the end is not shown.
    report.problem(('%s (see :StreamingCodeGenerator log): %s'):format(message, problem))
  else
    report.tell(vim.trim(message), vim.log.levels.INFO)
  end
end

--- The model that needs no endpoint, which the server fetches for itself.
---@param environment string
---@return streaming_code_generator.InstallStep
local function model_step(environment)
  local server = installed.program(environment, 'streaming-code-generator')
  return { what = 'fetching the model', command = { server, 'model', 'install', MODEL } }
end

--- Run the steps that make an environment of a checkout, and use it when it is there.
---@param steps streaming_code_generator.InstallStep[]
---@param note streaming_code_generator.Installed What is to be noted of it.
---@param is_embedded boolean Whether to fetch the embedded model as well.
local function make(steps, note, is_embedded)
  is_running = true
  run(steps, function(problem, version)
    if problem then
      return finish('Not installed', problem)
    end
    local message = ('Installed %s. %s'):format(last_line(version), use(note))
    if not is_embedded then
      return finish(message)
    end
    run({ model_step(note.environment) }, function(model_problem)
      finish(model_problem and 'Installed, but not the model' or message, model_problem)
    end)
  end)
end

--- Install the server, or the checkout's newer one; tell of the end.
---@param request? streaming_code_generator.InstallRequest
function M.install(request)
  local checkout = installed.checkout()
  if is_running or not checkout then
    return report.problem(is_running and IS_RUNNING or NO_CHECKOUT)
  end
  local stamp = installed.stamp(checkout)
  local environment = vim.fs.joinpath(installed.folder(), ('%s-%d'):format(stamp, os.time()))
  local is_embedded = (request or {}).embedded ~= false
  local extra = is_embedded and '[embedded]' or ''
  local uri = vim.uri_from_fname(checkout)
  local steps = steps_to(environment, ('streaming-code-generator%s @ %s'):format(extra, uri))
  if not steps then
    return report.problem(NO_PYTHON)
  end
  vim.fn.mkdir(installed.folder(), 'p')
  remove_others()
  make(steps, { environment = environment, checkout = checkout, stamp = stamp }, is_embedded)
end

return M
