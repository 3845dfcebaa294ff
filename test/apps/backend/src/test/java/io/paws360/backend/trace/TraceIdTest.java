package io.paws360.backend.trace;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class TraceIdTest {

    @ParameterizedTest
    @ValueSource(strings = {
        "550e8400-e29b-41d4-a716-446655440000",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "e2e-run.1",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz-0123456789"
    })
    void takesWhatNeedsNoEscaping(String sent) {
        assertThat(TraceId.takeOrMake(sent)).isEqualTo(sent);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {
        "", "short", "-starts-with-a-dash", "has a space in it", "line\nbreak-here", "quote'quote'",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz-0123456789x"
    })
    void makesARandomUuidOtherwise(String sent) {
        String made = TraceId.takeOrMake(sent);
        assertThat(made).isNotEqualTo(sent);
        assertThat(UUID.fromString(made).version()).isEqualTo(4);
    }
}
