package io.paws360.backend;

import java.security.Security;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Courses and enrolments over PostgreSQL, cached in Redis. */
@SpringBootApplication
public class BackendApplication {

    public static void main(String[] args) {
        // A restarted member keeps its name and gets a new address: names must
        // not be remembered for Java's 30 seconds.
        Security.setProperty("networkaddress.cache.ttl", "2");
        Security.setProperty("networkaddress.cache.negative.ttl", "1");
        SpringApplication.run(BackendApplication.class, args);
    }
}
