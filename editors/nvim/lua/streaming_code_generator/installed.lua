--- The server that the plug-in has installed for itself: where it is, and whether it is what the
--- checkout holds that the plug-in lies in.

local M = {}

--- The command of a server that somebody else has installed.
local ON_PATH = { 'streaming-code-generator', 'serve', '--stdio' }
local IS_WINDOWS = vim.fn.has('win32') == 1

---@class (exact) streaming_code_generator.Installed
---@field environment string The folder of the virtual environment.
---@field checkout string What was installed.
---@field stamp string Of the checkout's contents then.

--- Where all environments lie, and beside them the note of which one to use.
---@return string
function M.folder()
  return vim.fs.joinpath(vim.fn.stdpath('data'), 'streaming-code-generator')
end

---@return string
local function note_path()
  return vim.fs.joinpath(M.folder(), 'installed.json')
end

--- A program of a virtual environment.
---@param environment string
---@param name string
---@return string
function M.program(environment, name)
  return IS_WINDOWS and vim.fs.joinpath(environment, 'Scripts', name .. '.exe')
    or vim.fs.joinpath(environment, 'bin', name)
end

---@param path string
---@return string? contents
local function read(path)
  local file = io.open(path, 'rb')
  if file then
    local contents = file:read('*a')
    file:close()
    return contents
  end
end

--- What is installed, if its server is there.
---@return streaming_code_generator.Installed?
function M.get()
  local contents = read(note_path())
  local ok, note = pcall(vim.json.decode, contents or '')
  if not ok or type(note) ~= 'table' or type(note.environment) ~= 'string' then
    return nil
  end
  local server = M.program(note.environment, 'streaming-code-generator')
  return vim.fn.executable(server) == 1 and note or nil
end

--- Use an environment from now on.
---@param note streaming_code_generator.Installed
function M.set(note)
  local file = assert(io.open(note_path(), 'wb'))
  file:write(vim.json.encode(note))
  file:close()
end

--- What starts the server: the one installed by the plug-in, else the one on `$PATH`. Whoever names
--- another with `vim.lsp.config()` goes before both.
---@return string[]
function M.command()
  local note = M.get()
  local command = vim.deepcopy(ON_PATH)
  if note then
    command[1] = M.program(note.environment, 'streaming-code-generator')
  end
  return command
end

--- The checkout of the repository in which this plug-in lies, also where it is only linked to.
---@return string? path
function M.checkout()
  local here = debug.getinfo(1, 'S').source:sub(2)
  local path = vim.fs.normalize(vim.uv.fs_realpath(here) or here)
  for _ in vim.gsplit('editors/nvim/lua/streaming_code_generator/installed.lua', '/') do
    path = vim.fs.dirname(path)
  end
  local package = vim.fs.joinpath(path, 'server', 'streaming_code_generator', '__init__.py')
  return vim.uv.fs_stat(package) and path or nil
end

--- What a server made from a checkout would be, in a few characters.
---@param checkout string
---@return string
function M.stamp(checkout)
  local paths = vim.fs.find(function(name)
    return name:find('%.py$') ~= nil
  end, { path = vim.fs.joinpath(checkout, 'server'), type = 'file', limit = math.huge })
  paths[#paths + 1] = vim.fs.joinpath(checkout, 'pyproject.toml')
  table.sort(paths)
  local contents = vim.tbl_map(function(path)
    return path .. '\n' .. (read(path) or '')
  end, paths)
  return vim.fn.sha256(table.concat(contents)):sub(1, 16)
end

--- Whether the checkout has changed since the server was made from it.
---@param note streaming_code_generator.Installed
---@return boolean
function M.is_outdated(note)
  local checkout = M.checkout()
  return checkout ~= nil and M.stamp(checkout) ~= note.stamp
end

return M
