"""How Superset is set up for the warehouse; `scripts/superset` names this file in SUPERSET_CONFIG_PATH."""  # noqa: INP001

import os
from pathlib import Path

HOME = Path(os.environ["SUPERSET_HOME"])

SECRET_KEY = (HOME / "secret_key.txt").read_text(encoding="utf-8")
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}"

# a browser loads nothing from elsewhere, so neither map tiles nor the pixel that counts installations
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "img-src": ["'self'", "blob:", "data:"],
        "object-src": "'none'",
        "script-src": ["'self'", "'strict-dynamic'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "worker-src": ["'self'", "blob:"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    # it is served without TLS on the loopback interface
    "session_cookie_secure": False,
}

LANGUAGES = {"en": {"flag": "us", "name": "English"}, "zh": {"flag": "cn", "name": "中文"}}

EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    # for charts in which a colour would mean nothing
    {
        "id": "one_colour",
        "label": "One colour",
        "description": "",
        "isDefault": False,
        "colors": ["#1FA8C9"],
    }
]
