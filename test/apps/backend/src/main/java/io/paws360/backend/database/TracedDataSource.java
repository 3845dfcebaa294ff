package io.paws360.backend.database;

import io.paws360.backend.trace.TraceId;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.springframework.jdbc.datasource.DelegatingDataSource;

/**
 * Names each connection after the request that borrows it, so that
 * pg_stat_activity and the server's log tell whose query it is (NFR-OBS-002).
 */
class TracedDataSource extends DelegatingDataSource {

    private static final String NAME = "ApplicationName";

    private final String idleName;

    TracedDataSource(DataSource pool, String idleName) {
        super(pool);
        this.idleName = idleName;
    }

    @Override
    public Connection getConnection() throws SQLException {
        Connection connection = super.getConnection();
        String trace = TraceId.current();
        if (trace == null) {
            return connection;
        }
        try {
            connection.setClientInfo(NAME, trace);
        } catch (SQLException e) {
            connection.close();
            throw e;
        }
        return renamedOnClose(connection);
    }

    private Connection renamedOnClose(Connection connection) {
        return (Connection) Proxy.newProxyInstance(
                TracedDataSource.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, args) -> {
                    if (method.getName().equals("close")) {
                        rename(connection);
                    }
                    try {
                        return method.invoke(connection, args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private void rename(Connection connection) {
        try {
            if (!connection.isClosed()) {
                connection.setClientInfo(NAME, idleName);
            }
        } catch (SQLException e) {
            // The connection is broken; the pool has seen the same error and drops it.
        }
    }
}
