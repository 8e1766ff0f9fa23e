"""The pipeline. Everything it logs is safe to show; no call site has to take care of that."""

from laoyouhui.config.text import make_logs_safe

make_logs_safe("laoyouhui")
