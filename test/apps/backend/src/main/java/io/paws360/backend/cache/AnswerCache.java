package io.paws360.backend.cache;

import io.lettuce.core.SetArgs;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.stereotype.Component;

/**
 * Answers of the API, kept in Redis for five minutes or until the data changes
 * (NFR-PERF-003). Without Redis everything works, from the database.
 */
@Component
public class AnswerCache {

    /** Where an answer came from. */
    public enum Source { HIT, MISS, BYPASS }

    /** An answer and where it came from. */
    public record Answer(String body, Source source) {}

    private static final Logger log = LoggerFactory.getLogger(AnswerCache.class);
    private static final Duration TIME_TO_LIVE = Duration.ofMinutes(5);
    /** After a failure the cache is left alone this long: callers shall not all wait for timeouts. */
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final Redis redis;
    private final MeterRegistry metrics;
    private final Set<String> owedInvalidations = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean leftOut = new AtomicBoolean();
    private final LongSupplier nanoTime;
    private volatile long pausedUntil;

    @Autowired
    AnswerCache(Redis redis, MeterRegistry metrics) {
        this(redis, metrics, System::nanoTime);
    }

    AnswerCache(Redis redis, MeterRegistry metrics, LongSupplier nanoTime) {
        this.redis = redis;
        this.metrics = metrics;
        this.nanoTime = nanoTime;
        this.pausedUntil = nanoTime.getAsLong();
    }

    /** The kept answer, else a fresh one, which is kept. */
    public Answer get(String endpoint, Map<String, String> params, Supplier<String> fresh) {
        Answer answer = lookUp(endpoint, params, fresh);
        metrics.counter("cache.gets", "cache", endpoint, "result", answer.source().name().toLowerCase()).increment();
        return answer;
    }

    /** Makes all kept answers of the endpoint stale, now or as soon as Redis is back. */
    public void invalidate(String endpoint) {
        owedInvalidations.add(endpoint);
        if (!paused()) {
            settle(endpoint);
        }
    }

    private Answer lookUp(String endpoint, Map<String, String> params, Supplier<String> fresh) {
        if (paused() || !settle(endpoint)) {
            return new Answer(fresh.get(), Source.BYPASS);
        }
        String key;
        try {
            // The generation is read before the data: an answer made of older
            // data is then kept under a key that nobody asks for any more.
            String generation = redis.run(r -> r.get(CacheKey.generationOf(endpoint)));
            key = CacheKey.of(endpoint, generation == null ? "" : generation, params);
            String kept = redis.run(r -> r.get(key));
            back();
            if (kept != null) {
                return new Answer(kept, Source.HIT);
            }
        } catch (RedisUnavailable e) {
            pause(e);
            return new Answer(fresh.get(), Source.BYPASS);
        }
        String body = fresh.get();
        try {
            redis.run(r -> r.set(key, body, SetArgs.Builder.ex(TIME_TO_LIVE)));
        } catch (RedisUnavailable e) {
            pause(e);
        }
        return new Answer(body, Source.MISS);
    }

    /** Pays an owed invalidation; false when it is still owed. */
    private boolean settle(String endpoint) {
        if (!owedInvalidations.contains(endpoint)) {
            return true;
        }
        // Taken off first: a change that comes meanwhile owes another one.
        owedInvalidations.remove(endpoint);
        try {
            // A random generation, not a counter: a failover that loses one
            // change must not give its number to the next.
            redis.run(r -> r.set(CacheKey.generationOf(endpoint), UUID.randomUUID().toString()));
            return true;
        } catch (RedisUnavailable e) {
            owedInvalidations.add(endpoint);
            pause(e);
            return false;
        }
    }

    private boolean paused() {
        return nanoTime.getAsLong() - pausedUntil < 0;
    }

    private void pause(RedisUnavailable e) {
        pausedUntil = nanoTime.getAsLong() + PAUSE.toNanos();
        if (leftOut.compareAndSet(false, true)) {
            log.atWarn().log("Redis does not answer, the cache is left out: {}", e.getMessage());
        }
    }

    private void back() {
        if (leftOut.compareAndSet(true, false)) {
            log.info("Redis answers again, the cache is back");
        }
    }
}
