"""Makes search and insight anew from the record. Called by `hotwash rebuild`, while everything else may run.

It is for a store whose derived tables are in doubt; a new release that needs it does it by itself when it migrates.
"""

import asyncio

from runtime.home import Home
from runtime.settings import Settings
from store import open_store


def rebuild(settings: Settings) -> int:
    """Migrate and rebuild; answers from how many things. Transient when the store is away."""
    return asyncio.run(_rebuild(settings))


async def _rebuild(settings: Settings) -> int:
    home = Home(settings.home)
    store = open_store(settings.store_url.get_secret_value() if settings.store_url else home.store_url)
    try:
        await store.migrate()
        return await store.rebuild()
    finally:
        await store.close()
