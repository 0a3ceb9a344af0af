"""Which files are likely to hold secrets, judged by their names alone."""

import re

_SECRET_NAME = re.compile(
    r"""
    \.env(?:rc)? | \.env\..+ | .+\.env
    | \.?netrc | _netrc | \.npmrc | \.pypirc | \.pgpass | \.my\.cnf | \.htpasswd | \.s3cfg | \.boto
    | \.git-credentials | \.dockercfg | \.vault-token | \.vault[_-]pass(?:word)?
    | id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[.-].+)?
    | (?:[\w.-]+[._-])?(?:credentials?|secrets?|passwords?)
      (?:\.(?:json|ya?ml|toml|ini|txt|xml|cfg|conf|properties|csv|db|enc))?
    | .+\.(?:pem|key|p12|pfx|pkcs12|p8|jks|keystore|keytab|kdbx?|ppk|gpg|pgp|ovpn)
    | (?:client_secret|service[-_]?account|gcp[-_]key|firebase-adminsdk).*\.json
    | kubeconfig | terraform\.tfstate(?:\..+)? | .+\.tfvars
    | \.\w+_history | g?shadow | authorized_keys
    """,
    re.VERBOSE | re.IGNORECASE,
)
_EXAMPLE_NAME = re.compile(
    r"\.env[._-](?:example|sample|template|dist|schema|defaults?)", re.IGNORECASE
)
_SECRET_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", "gcloud"})


def secret_looking(path: str) -> bool:
    r"""Return whether a file's name says that it may hold keys or passwords.

    Args:
        path: A path, with `/` or `\` between its parts.
    """
    *folders, name = re.split(r"[/\\]", path.rstrip("/\\")) or [""]
    if _EXAMPLE_NAME.fullmatch(name):
        return False
    return bool(_SECRET_NAME.fullmatch(name)) or not _SECRET_FOLDERS.isdisjoint(folders)
