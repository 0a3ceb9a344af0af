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

vim.api.nvim_create_autocmd('LspProgress', {
  group = vim.api.nvim_create_augroup('streaming_code_generator', {}),
  desc = 'Keep what the status line shows',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'streaming_code_generator' then
      require('streaming_code_generator.progress').on_progress(event.data.params)
    end
  end,
})
