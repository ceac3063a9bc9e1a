"""The platform's settings. Everything an operator may change comes from the environment (see `env`)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.templatetags.static import static

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = env.folder("BULKHEAD_DATA_DIR", default=BASE_DIR / "var")

# --- Bulkhead ------------------------------------------------------------------------------

BUNDLED_PLUGINS = BASE_DIR / "plugins"
PLUGIN_PATH = env.folders("BULKHEAD_PLUGIN_PATH")
SCRATCH_ROOT = DATA_DIR / "scratch"
SAMPLE_VIDEO = DATA_DIR / "samples" / "moving-shapes.mp4"

LONGEST_TIMEOUT_SECONDS = 24 * 3600
LARGEST_MEMORY_MB = 1 << 20
RUN_TIMEOUT_SECONDS = env.integer(
    "BULKHEAD_RUN_TIMEOUT_SECONDS", default=60, minimum=1, maximum=LONGEST_TIMEOUT_SECONDS
)
RUN_MEMORY_MB = env.integer(
    "BULKHEAD_RUN_MEMORY_MB", default=1024, minimum=64, maximum=LARGEST_MEMORY_MB
)
WORKERS = env.integer("BULKHEAD_WORKERS", default=2, minimum=1, maximum=256)
STANDBY_PLUGINS = env.integer("BULKHEAD_STANDBY_PLUGINS", default=4, minimum=0, maximum=64)
WEB_THREADS = env.integer("BULKHEAD_WEB_THREADS", default=8, minimum=1, maximum=256)
MAX_UPLOAD_BYTES = (
    env.integer("BULKHEAD_MAX_UPLOAD_MB", default=2048, minimum=1, maximum=1 << 20) << 20
)
REQUIRED_GUARDS = env.names("BULKHEAD_REQUIRE_GUARDS")
ADMIN_PASSWORD = env.text("BULKHEAD_ADMIN_PASSWORD")

HEARTBEAT_SECONDS = 5
MISSED_HEARTBEATS = 3
DRAIN_SECONDS = 6  # what a stop leaves to runs in progress before it cancels them
REGISTRY_LOCK_SECONDS = 2.0
TICKET_SECONDS = 30
LIVE_WINDOW_EVENTS = 1000  # how far a feed may be ahead of its client's acknowledgements
LIVE_ACK_SECONDS = 60
LIVE_RECALL_SECONDS = 60  # a feed outlives its client's session, token or role by this at most
IDEMPOTENCY_HOURS = 24
THROTTLE = env.boolean("BULKHEAD_THROTTLE", default=True)

# --- Django --------------------------------------------------------------------------------

DEBUG = env.boolean("BULKHEAD_DEBUG", default=False)
SECRET_KEY = env.secret_key("BULKHEAD_SECRET_KEY", file=DATA_DIR / "secret_key")
ALLOWED_HOSTS = env.hosts(
    "BULKHEAD_ALLOWED_HOSTS", default=("localhost", "127.0.0.1", "[::1]", ".localhost")
)
CSRF_TRUSTED_ORIGINS = env.names("BULKHEAD_CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "django_q",
    "rest_framework",
    "django_filters",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "plugins_app",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"console": "plugins_app.console.tags"},
        },
    },
]

# --- Database: SQLite tuned for several writers, PostgreSQL for many machines ---------------

DATABASE = env.database("DATABASE_URL", default_file=DATA_DIR / "db.sqlite3")
DATABASE["CONN_MAX_AGE"] = None
DATABASE["CONN_HEALTH_CHECKS"] = True
if DATABASE["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE: a transaction that reads and then writes waits its turn instead of failing.
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
        "PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000;",
    }
    # A file, not memory: worker processes open the test database too.
    DATABASE["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Queue and hints -----------------------------------------------------------------------

REDIS_URL = env.redis_url("REDIS_URL")

# The broker only says "there may be work": the claim on a run's row decides who executes it.
# So a task is handed out once, and neither retry nor timeout may ever step in.
Q_CLUSTER: dict[str, Any] = {
    "name": "default",
    "orm": "default",
    "broker_class": "plugins_app.cluster.broker.Doorbell",
    "workers": WORKERS,
    "timeout": LONGEST_TIMEOUT_SECONDS * 4,
    "retry": LONGEST_TIMEOUT_SECONDS * 16,
    "ack_failures": True,
    "max_attempts": 1,
    "queue_limit": 1,
    "bulk": 1,
    "save_limit": -1,
    "guard_cycle": 0.5,
    "recycle": 500,
    "scheduler": False,
    "catch_up": False,
    "ALT_CLUSTERS": {"gpu": {}},
}

CHANNEL_LAYERS: dict[str, Any] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
    }

# --- Files ---------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = None  # nothing is collected: WhiteNoise finds the files where they are
MEDIA_ROOT = DATA_DIR / "files"
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 << 20
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
FILE_UPLOAD_PERMISSIONS = 0o600

# --- People --------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# --- API -----------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "plugins_app.api.authentication.TokenAuthentication",
        "plugins_app.api.authentication.ConsoleSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["plugins_app.api.permissions.HasItsPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["plugins_app.api.throttles.ScopedThrottle"],
    "DEFAULT_PARSER_CLASSES": ["plugins_app.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "plugins_app.api.negotiation.AlwaysTheFirst",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "plugins_app.api.problems.answer",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {"TOKEN_TTL": timedelta(hours=12), "AUTO_REFRESH": False}
CSRF_FAILURE_VIEW = "plugins_app.api.fallbacks.csrf_failure"
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Bulkhead",
    "DESCRIPTION": "Runs plugins in guarded processes. Errors are `application/problem+json`.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_PERMISSIONS": ["plugins_app.api.permissions.HasItsPermission"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Swagger would ask a server elsewhere whether the schema is valid.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "PluginState": "plugins_app.api.serializers.plugins.STATES",
        "RunStatus": "plugins_app.api.serializers.runs.STATUSES",
        "ReadinessStatus": ["ok", "unavailable"],
        "LivenessStatus": ["ok"],
    },
}

# --- Console -------------------------------------------------------------------------------

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Bulkhead",
    "SITE_HEADER": "Bulkhead",
    "SITE_SUBHEADER": "Plugins behind watertight doors",
    "SITE_SYMBOL": "sailing",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "DASHBOARD_CALLBACK": "plugins_app.console.dashboard.context_of",
    "STYLES": [lambda _request: static("console/console.css")],
    "SCRIPTS": [lambda _request: static("console/console.js")],
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("console/icon.svg"),
        }
    ],
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 230)",
            "100": "oklch(94% .03 230)",
            "200": "oklch(88% .06 230)",
            "300": "oklch(80% .1 232)",
            "400": "oklch(70% .13 235)",
            "500": "oklch(60% .14 240)",
            "600": "oklch(48% .13 243)",
            "700": "oklch(42% .12 245)",
            "800": "oklch(36% .1 246)",
            "900": "oklch(31% .08 247)",
            "950": "oklch(23% .06 249)",
        },
        "font": {
            "subtle-light": "var(--color-base-600)",
            "subtle-dark": "var(--color-base-300)",
        },
    },
    "SIDEBAR": {
        "navigation": "plugins_app.console.navigation.sidebar",
    },
}

# --- Content security: Unfold's Alpine needs 'unsafe-eval', nothing comes from elsewhere ----

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    },
}

# --- Logging -------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django_q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django-q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # Whoever scans the network asks for odd hosts: that is no error of ours.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
