--- Defines the command and the mappings; everything else is loaded when it is used.

if vim.g.loaded_streaming_code_generator then
  return
end
vim.g.loaded_streaming_code_generator = true

vim.api.nvim_create_user_command('StreamingCodeGenerator', function(call)
  require('streaming_code_generator.commands').run(call)
end, {
  bang = true,
  complete = function(...)
    return require('streaming_code_generator.commands').complete(...)
  end,
  desc = 'Stream generated code into the buffer',
  nargs = '+',
  range = true,
})

for _, name in ipairs({ 'generate', 'comment', 'cancel', 'accept', 'remove', 'retry' }) do
  local mapping = ('<Plug>(streaming-code-generator-%s)'):format(name)
  local command = ('<Cmd>StreamingCodeGenerator %s<CR>'):format(name)
  vim.keymap.set({ 'n', 'i' }, mapping, command, { desc = 'StreamingCodeGenerator ' .. name })
end
-- From a selection the command line is entered with its range.
vim.keymap.set(
  'x',
  '<Plug>(streaming-code-generator-generate)',
  ':StreamingCodeGenerator generate<CR>',
  { desc = 'StreamingCodeGenerator generate', silent = true }
)

-- What is mapped to it does what it does without ghost text.
for part, key in pairs({ all = '<Tab>', word = '<C-Right>', line = '<C-Down>' }) do
  vim.keymap.set('i', ('<Plug>(streaming-code-generator-ghost-%s)'):format(part), function()
    if not require('streaming_code_generator').accept_suggestion(part) then
      vim.api.nvim_feedkeys(vim.keycode(key), 'ni', false)
    end
  end, { desc = 'Accept ghost text: ' .. part })
end
vim.keymap.set('i', '<Plug>(streaming-code-generator-ghost-ask)', function()
  require('streaming_code_generator').suggest()
end, { desc = 'Ask for ghost text' })

local group = vim.api.nvim_create_augroup('streaming_code_generator', {})

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  desc = 'Show ghost text where the server has it',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'streaming_code_generator' then
      require('streaming_code_generator.ghost').attach(event.buf, client)
    end
  end,
})

vim.api.nvim_create_autocmd('LspProgress', {
  group = group,
  desc = 'Keep what the status line shows',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'streaming_code_generator' then
      require('streaming_code_generator.progress').on_progress(event.data.params)
    end
  end,
})
