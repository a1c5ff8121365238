"""What gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# Everything that lives as long as the process is set aside: looking through it for garbage again and again took a tenth of a second
# each time, from whoever happened to be asking for a page.
get_resolver().url_patterns  # noqa: B018  (imports all views)
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
