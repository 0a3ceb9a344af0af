"""Files that look like secrets are told from others by their names."""

import pytest

from streaming_code_generator.lsp.documents.files import secret_looking

SECRET = [
    ".env", ".env.local", "production.env", ".envrc", ".ENV",
    "server.pem", "tls.key", "cert.p12", "cert.PFX", "release.jks", "passwords.kdbx",
    "id_rsa", "id_ed25519", "id_ed25519_sk", "id_rsa.bak",
    ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd", ".git-credentials",
    "credentials", "credentials.json", "aws-credentials.yaml", "secrets.yml", "app.secrets.toml",
    "client_secret_1.apps.json", "service-account.json", "terraform.tfstate", "prod.tfvars",
    ".bash_history", "/home/me/.ssh/config", r"C:\Users\me\.aws\config", "src/.env",
]  # fmt: skip
ORDINARY = [
    "main.py", "environment.py", "env.py", ".env.example", ".env.sample", "secrets.py",
    "test_secrets.py", "credentials.go", "keyboard.ts", "key.rs", "README.md", "package.json",
    "monkey.js", "hotkey.lua", "tokens.py", "id_rsa_parser.c", "ssh/config.py", "", "/",
    "my.environment/app.py", "history.txt",
]  # fmt: skip


@pytest.mark.parametrize("path", SECRET)
def test_a_file_for_keys_or_passwords_looks_secret(path: str) -> None:
    assert secret_looking(path)


@pytest.mark.parametrize("path", ORDINARY)
def test_an_ordinary_file_does_not_look_secret(path: str) -> None:
    assert not secret_looking(path)
