--- The language server's configuration, for `vim.lsp.enable('streaming_code_generator')`.

--- Name a function of the plug-in without loading it before it is needed.
---@param module string
---@param name string
---@return fun(...): any
local function lazily(module, name)
  return function(...)
    return require('streaming_code_generator.' .. module)[name](...)
  end
end

---@type vim.lsp.Config
return {
  cmd = require('streaming_code_generator.installed').command(),
  root_markers = { '.git' },
  -- The server sends its next edit when it has seen the last one come back. With the default of
  -- 150 ms that is six edits a second. (Neovim keeps one interval for all servers that share a
  -- position encoding, the smallest.)
  flags = { debounce_text_changes = 10 },
  init_options = {
    generationUpdates = true,
    undoNotifications = true,
    -- Settings come from your Lua files, never from an opened folder by itself.
    endpointSettingsAreMachineScoped = true,
  },
  -- Neovim takes versioned edits, and does not say so.
  capabilities = { workspace = { workspaceEdit = { documentChanges = true } } },
  handlers = {
    ['workspace/applyEdit'] = lazily('edits', 'on_apply_edit'),
    ['streamingCodeGenerator/didUpdateGeneration'] = lazily('generations', 'on_update'),
    ['window/logMessage'] = lazily('log', 'on_message'),
    ['window/showMessage'] = lazily('report', 'on_message'),
  },
  on_exit = function()
    vim.schedule(lazily('generations', 'clear'))
    vim.schedule(lazily('progress', 'clear'))
  end,
}
