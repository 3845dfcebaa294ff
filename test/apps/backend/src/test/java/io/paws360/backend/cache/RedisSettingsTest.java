package io.paws360.backend.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lettuce.core.SslVerifyMode;
import org.junit.jupiter.api.Test;

class RedisSettingsTest {

    @Test
    void everySentinelIsAskedForTheMasterByName() {
        var uri = new RedisSettings("sentinel-1.sentinel:26379, sentinel-2.sentinel:26380", "mymaster", "app", "secret", "guest", "other", false, "").uri("backend");

        assertThat(uri.getSentinelMasterId()).isEqualTo("mymaster");
        assertThat(uri.getClientName()).isEqualTo("backend");
        assertThat(uri.getSentinels()).extracting(s -> s.getHost() + ":" + s.getPort())
                .containsExactly("sentinel-1.sentinel:26379", "sentinel-2.sentinel:26380");
        var atTheMaster = uri.getCredentialsProvider().resolveCredentials().block();
        assertThat(atTheMaster.getUsername()).isEqualTo("app");
        assertThat(atTheMaster.getPassword()).isEqualTo("secret".toCharArray());
        var atASentinel = uri.getSentinels().get(1).getCredentialsProvider().resolveCredentials().block();
        assertThat(atASentinel.getUsername()).isEqualTo("guest");
        assertThat(atASentinel.getPassword()).isEqualTo("other".toCharArray());
    }

    @Test
    void oneSentinelWithoutPasswordsWillDo() {
        var uri = new RedisSettings("localhost:26379", "mymaster", "", "", "", "", false, "").uri("backend");

        assertThat(uri.getSentinels()).hasSize(1);
        assertThat(uri.getCredentialsProvider().resolveCredentials().block().hasPassword()).isFalse();
    }

    @Test
    void tlsIsSpokenToTheMasterAndToEverySentinelAndNamesAreVerified() {
        var uri = new RedisSettings("sentinel-1:26379,sentinel-2:26379", "mymaster", "", "", "", "", true, "").uri("backend");

        assertThat(uri.isSsl()).isTrue();
        assertThat(uri.getVerifyMode()).isEqualTo(SslVerifyMode.FULL);
        assertThat(uri.getSentinels()).allMatch(s -> s.isSsl() && s.getVerifyMode() == SslVerifyMode.FULL);
    }

    @Test
    void anAddressWithoutAPortIsRefused() {
        assertThatThrownBy(() -> new RedisSettings("localhost", "mymaster", "", "", "", "", false, "").uri("backend"))
                .hasMessageContaining("REDIS_SENTINELS must be host:port");
    }
}
