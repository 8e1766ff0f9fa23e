"""The name that `laoyouhui_local.sample` had until November 2026, for what was written against it."""

from laoyouhui_local.sample import __path__ as __path__
