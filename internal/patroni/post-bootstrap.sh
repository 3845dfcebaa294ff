#!/bin/bash
# Makes the application's role and database in a new cluster. The password goes
# through the environment, never through an argument.
set -euo pipefail
psql "$1" -v ON_ERROR_STOP=1 -q <<'SQL'
\getenv password POSTGRES_APP_PASSWORD
CREATE ROLE paws360 LOGIN PASSWORD :'password';
CREATE DATABASE paws360 OWNER paws360;
SQL
