#!/bin/bash
# Creates the application's role and database in a new cluster. Patroni calls
# this with the connection string of the superuser.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=secrets.sh
. "${0%/*}/secrets.sh"

APP_PASSWORD=$(secret POSTGRES_APP_PASSWORD)
export APP_PASSWORD
# psql reads the password from the environment: arguments can be read by every
# process. A failing statement must not be logged with it.
psql "$1" --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
\getenv database APP_DATABASE
\getenv user APP_USER
\getenv password APP_PASSWORD
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
CREATE ROLE :"user" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"user";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL

# initdb left its files to the kernel (no-sync); they reach the disk now,
# beside the start of the cluster.
(sync -f "$PGDATA" &)
