#!/bin/sh
# Run once, when the volume is new: a role and a database each for Airflow's own state and for the campaign's warehouse.
set -eu

psql --no-psqlrc --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 <<'SQL'
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv warehouse_password WAREHOUSE_PASSWORD

create role airflow login password :'airflow_password';
create database airflow owner airflow;
revoke all on database airflow from public;

-- it makes the roles of the steps and of readers, which it then has, and ends readers who hold up a run
create role warehouse login createrole password :'warehouse_password';
grant pg_signal_backend, pg_read_all_stats to warehouse;
create database warehouse owner warehouse;
revoke all on database warehouse from public;
SQL
