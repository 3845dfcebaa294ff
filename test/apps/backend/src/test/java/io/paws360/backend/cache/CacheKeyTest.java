package io.paws360.backend.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CacheKeyTest {

    @Test
    void hasTheFormOfTheRequirement() {
        assertThat(CacheKey.of("courses", "g1", Map.of("q", "data"))).matches("api:cache:courses:[0-9a-f]{32}");
    }

    @Test
    void doesNotDependOnTheOrderOfTheParameters() {
        Map<String, String> oneWay = new LinkedHashMap<>();
        oneWay.put("a", "1");
        oneWay.put("b", "2");
        Map<String, String> theOther = new LinkedHashMap<>();
        theOther.put("b", "2");
        theOther.put("a", "1");

        assertThat(CacheKey.of("courses", "g", oneWay)).isEqualTo(CacheKey.of("courses", "g", theOther));
    }

    @Test
    void differsWithParametersAndGeneration() {
        String key = CacheKey.of("courses", "g1", Map.of("q", "data"));

        assertThat(CacheKey.of("courses", "g1", Map.of("q", "Data"))).isNotEqualTo(key);
        assertThat(CacheKey.of("courses", "g2", Map.of("q", "data"))).isNotEqualTo(key);
        assertThat(CacheKey.of("courses", "g1", Map.of())).isNotEqualTo(key);
        assertThat(CacheKey.of("students", "g1", Map.of("q", "data"))).isNotEqualTo(key);
    }

    @Test
    void aValueCannotPassForAnotherParameter() {
        assertThat(CacheKey.of("courses", "g", Map.of("a", "1\n1b=2")))
                .isNotEqualTo(CacheKey.of("courses", "g", Map.of("a", "1", "b", "2")));
    }
}
