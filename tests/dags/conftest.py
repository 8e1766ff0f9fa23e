"""Airflow reads its settings when it is first imported: they must stand before any test of this folder is collected."""

from __future__ import annotations

import os
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="laoyouhui-dags-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
# Nobody listens there: a DAG file that asks the database while it is parsed fails.
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "postgresql+psycopg2://nobody:nothing@127.0.0.1:9/none"
