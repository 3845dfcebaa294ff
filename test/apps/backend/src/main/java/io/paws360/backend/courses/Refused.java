package io.paws360.backend.courses;

/** A request that cannot be carried out as it is, with the HTTP status that says so. */
final class Refused extends RuntimeException {

    private final int status;

    Refused(int status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    int status() {
        return status;
    }
}
