package shape

import "testing"

func TestBotClass(t *testing.T) {
	for ua, want := range map[string]string{
		"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0.4472.120 Mobile Safari/537.36":        "",
		"Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20 Build/QP1A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0 Mobile Safari/537.36": "",
		"Mozilla/5.0 (Linux; Android 7.0; LOGICOM L-ITE BOT 55) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/91.0 Mobile Safari/537.36":    "",
		"fuboTV/4.40.1 (Android 11; Pixel 4)": "",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15":                                                                        "",
		"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "crawler",
		"Mozilla/5.0 (compatible; UnheardOfBot/1.0; +https://unheard.example)":                                                                                                                         "crawler",
		"kube-probe/1.27": "monitor", "ELB-HealthChecker/2.0": "monitor", "GoogleHC/1.0": "monitor", "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)": "monitor",
		"Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)": "monitor", "Site24x7": "monitor", "Datadog/Synthetics": "monitor", "Prometheus/2.45.0": "monitor",
		"curl/8.0.1": "library", "python-requests/2.31.0": "library", "Go-http-client/2.0": "library", "Java/17.0.1": "library", "okhttp/4.9.0": "library", "axios/1.4.0": "library", "Wget/1.21": "library",
		"facebookexternalhit/1.1": "preview", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)": "preview", "Twitterbot/1.0": "preview", "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)": "preview",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)": "ai", "ChatGPT-User/1.0": "ai", "OAI-SearchBot/1.0": "ai", "ClaudeBot/1.0": "ai", "CCBot/2.0": "ai",
		"Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)": "ai", "Amazonbot/0.1": "ai", "meta-externalagent/1.1": "ai", "Mozilla/5.0 (compatible; PerplexityBot/1.0)": "ai",
	} {
		_, _, device := sharedAgentParser().parse(ua)
		if got := listsOf(&Definition{}).botClass(ua, device.Family); got != want {
			t.Errorf("%s is %q, want %q (device %s)", ua, got, want, device.Family)
		}
	}
}
