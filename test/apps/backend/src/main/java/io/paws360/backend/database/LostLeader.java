package io.paws360.backend.database;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;

/** Drops the connections to a server that is no longer the leader. */
public class LostLeader implements SQLExceptionOverride {

    /** read_only_sql_transaction: a standby refuses a write. */
    private static final String READ_ONLY = "25006";

    @java.lang.Override
    public Override adjudicate(SQLException e) {
        return READ_ONLY.equals(e.getSQLState()) ? Override.MUST_EVICT : Override.CONTINUE_EVICT;
    }
}
