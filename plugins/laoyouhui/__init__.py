"""The pipeline. Whatever it logs is safe to show: no call site has to remember it."""

from laoyouhui.config.text import make_logs_safe

make_logs_safe("laoyouhui")
