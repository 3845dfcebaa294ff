package io.paws360.backend.cache;

import static io.paws360.backend.cache.AnswerCache.Source.BYPASS;
import static io.paws360.backend.cache.AnswerCache.Source.HIT;
import static io.paws360.backend.cache.AnswerCache.Source.MISS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyString;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import io.lettuce.core.SetArgs;
import io.lettuce.core.api.sync.RedisCommands;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AnswerCacheTest {

    private final Map<String, String> store = new HashMap<>();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private boolean down;
    private String data = "old";
    private long now;
    private AnswerCache cache;

    @BeforeEach
    @SuppressWarnings("unchecked")
    void redisIsAMap() throws Exception {
        RedisCommands<String, String> commands = mock();
        when(commands.get(anyString())).thenAnswer(call -> store.get(call.<String>getArgument(0)));
        when(commands.set(anyString(), anyString())).thenAnswer(call -> store.put(call.getArgument(0), call.getArgument(1)));
        when(commands.set(anyString(), anyString(), any(SetArgs.class)))
                .thenAnswer(call -> store.put(call.getArgument(0), call.getArgument(1)));
        Redis redis = mock();
        when(redis.run(any())).thenAnswer(call -> {
            if (down) {
                throw new RedisUnavailable(new IllegalStateException("connection refused"));
            }
            return call.<Function<RedisCommands<String, String>, Object>>getArgument(0).apply(commands);
        });
        cache = new AnswerCache(redis, metrics, () -> now);
    }

    @Test
    void theSecondAnswerIsTheKeptOne() {
        assertThat(get()).isEqualTo(new AnswerCache.Answer("old", MISS));
        data = "new";
        assertThat(get()).isEqualTo(new AnswerCache.Answer("old", HIT));
        assertThat(count("hit")).isEqualTo(1);
        assertThat(count("miss")).isEqualTo(1);
    }

    @Test
    void aChangeMakesTheKeptAnswerStale() {
        get();
        data = "new";
        cache.invalidate("courses");

        assertThat(get()).isEqualTo(new AnswerCache.Answer("new", MISS));
    }

    @Test
    void anAnswerMadeBeforeAChangeIsNotKeptForAfterIt() {
        // The change comes while the reader is between the database and the cache.
        cache.get("courses", Map.of(), () -> {
            cache.invalidate("courses");
            return "old";
        });
        data = "new";

        assertThat(get()).isEqualTo(new AnswerCache.Answer("new", MISS));
    }

    @Test
    void withoutRedisAnswersAreFresh() {
        down = true;
        assertThat(get()).isEqualTo(new AnswerCache.Answer("old", BYPASS));
        data = "new";
        assertThat(get()).isEqualTo(new AnswerCache.Answer("new", BYPASS));
        assertThat(count("bypass")).isEqualTo(2);
    }

    @Test
    void aChangeThatRedisMissedIsMadeUpForBeforeTheCacheIsUsedAgain() {
        get();
        down = true;
        data = "new";
        cache.invalidate("courses");
        down = false;
        now += 2_000_000_000L;

        assertThat(get()).isEqualTo(new AnswerCache.Answer("new", MISS));
        assertThat(get().source()).isEqualTo(HIT);
    }

    private AnswerCache.Answer get() {
        return cache.get("courses", Map.of(), () -> data);
    }

    private double count(String result) {
        return metrics.get("cache.gets").tags("cache", "courses", "result", result).counter().count();
    }
}
