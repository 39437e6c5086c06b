package demo

// Addresses are of the networks kept for documentation (RFC 5737).
var networks = []string{"192.0.2.%d", "198.51.100.%d", "203.0.113.%d"}

var bots = []string{
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
	"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
	"Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
	"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
}

var browsers = []string{
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
}

var referers = []string{
	"https://www.google.com/", "https://www.google.co.jp/", "https://search.yahoo.co.jp/", "https://www.bing.com/",
	"https://t.co/", "https://www.facebook.com/", "https://b.hatena.ne.jp/hotentry",
	"https://hotori.example/ja/", "https://hotori.example/en/", "https://news.ycombinator.com/item?id=40412256",
}

var campaigns = []string{
	"?utm_source=newsletter&utm_medium=email&utm_campaign=weekly",
	"?utm_source=x&utm_medium=social&utm_campaign=%E6%98%A5%E3%81%AE%E8%AA%AD%E6%9B%B8", // 春の読書
	"?utm_source=partner&utm_medium=referral&utm_campaign=summer",
}

var comments = []string{"面白かったです", "続きが楽しみ", "写真がきれいですね 📷", "Lovely piece.", "I read this twice.", "母にも送りました。"}

var prices = []string{"300", "500", "980", "1200.50"}
