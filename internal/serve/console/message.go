package console

import "maps"

// text is a message in each language: HTML, with {1}, {2} … for its arguments and
// {1|record|records} for a word that depends on a number.
type text struct{ en, ja string }

// table is messages by key. A key begins with the page it is for.
type table map[string]text

// messages are all messages. Each page declares its own in message_<page>.go.
var messages = join(frameMessages, gapMessages, stateMessages, unitMessages, homeMessages, streamMessages, tableMessages, sqlMessages, quarantineMessages, ledgerMessages, limitsMessages, tourMessages)

func join(tables ...table) table {
	all := table{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// stateMessages are the words of states: one each, everywhere.
var stateMessages = table{
	"state.done":  {"done", "完了"},
	"state.run":   {"running", "実行中"},
	"state.wait":  {"waits", "待機"},
	"state.late":  {"late", "遅れ"},
	"state.near":  {"near", "接近"},
	"state.retry": {"retried", "再試行"},
	"state.fail":  {"failed", "失敗"},
	"state.skip":  {"skipped", "省略"},
	"state.none":  {"not yet", "未着手"},

	"record.accepted":     {"accepted", "受付"},
	"record.delivered":    {"delivered", "配送済み"},
	"record.pending":      {"pending", "配送待ち"},
	"record.quarantined":  {"quarantined", "隔離"},
	"record.deduplicated": {"deduplicated", "重複"},
	"record.filtered":     {"filtered", "除外"},
}

// unitMessages are units behind numbers; the numbers arrive written.
var unitMessages = table{
	"unit.microseconds": {"{1}&nbsp;µs", "{1} µs"},
	"unit.milliseconds": {"{1}&nbsp;ms", "{1} ms"},
	"unit.seconds":      {"{1}&nbsp;s", "{1} 秒"},
	"unit.minutes":      {"{1}&nbsp;min", "{1} 分"},
	"unit.hours":        {"{1}&nbsp;h", "{1} 時間"},
	"unit.days":         {"{1}&nbsp;d", "{1} 日"},
	"unit.persecond":    {"{1}/s", "{1}/秒"},
}

// frameMessages are those of masthead, rail, login and errors.
var frameMessages = table{
	"frame.skip":         {"Skip to content", "本文へ"},
	"frame.nav":          {"Console", "コンソール"},
	"frame.version":      {"version {1}, since {2}", "第{1}版、{2} から"},
	"frame.balanced":     {"accepted {1} · balanced", "受付 {1} · 差なし"},
	"frame.missing":      {"accepted {1} · {2} missing", "受付 {1} · {2} 不足"},
	"frame.doubled":      {"accepted {1} · {2} too many", "受付 {1} · {2} 過剰"},
	"frame.off":          {"accepted {1} · does not balance", "受付 {1} · 合いません"},
	"frame.since":        {"since the first record", "最初の記録から"},
	"frame.theme.dark":   {"dark", "暗く"},
	"frame.theme.light":  {"light", "明るく"},
	"frame.logout":       {"log out {1}", "{1} をログアウト"},
	"frame.stale":        {"No answer since {1}. What you see is from then.", "{1} から応答がありません。表示はその時点のものです。"},
	"frame.starting":     {"The node is starting: it makes visible again what was in no file yet. Numbers may still grow.", "起動中です。ファイルになっていなかった行を読み直しています。数はまだ増えることがあります。"},
	"frame.comma":        {", ", "、"},
	"frame.stop":         {".", "。"},
	"frame.zone":         {"All times are {1} ({2}).", "時刻はすべて {1}（{2}）。"},
	"frame.program":      {"Biwa {1}", "Biwa {1}"},
	"frame.refresh":      {"This page reads itself anew every {1}.", "このページは {1}ごとに読み直します。"},
	"frame.table":        {"The same as a table", "同じ内容を表で"},
	"frame.paused":       {"paused", "停止中"},
	"frame.pause":        {"pause", "止める"},
	"frame.resume":       {"go on", "再開"},
	"frame.keys":         {"Keys", "キー操作"},
	"frame.copy":         {"copy", "写す"},
	"frame.copied":       {"copied", "写しました"},
	"key.go":             {"go to Home, Streams, Tables, SQL, Quarantine, Ledger, Limits", "ホーム、ストリーム、テーブル、SQL、隔離、台帳、上限へ"},
	"key.trace":          {"to the box for a record id", "記録 ID の欄へ"},
	"key.row":            {"next row, previous row; Enter opens it", "次の行、前の行。Enter で開く"},
	"key.pause":          {"hold or go on with what moves", "動きを止める・再開"},
	"key.theme":          {"light or dark", "明るく・暗く"},
	"key.help":           {"this list", "この一覧"},
	"frame.admin":        {"This needs the role admin; you have {1}. An admin key of biwa.yaml grants it: log in with one.", "admin の役割が要ります。今の役割は {1} です。biwa.yaml の admin キーでログインしてください。"},
	"nav.home":           {"Home", "ホーム"},
	"nav.streams":        {"Streams", "ストリーム"},
	"nav.tables":         {"Tables", "テーブル"},
	"nav.sql":            {"SQL", "SQL"},
	"nav.quarantine":     {"Quarantine", "隔離"},
	"nav.ledger":         {"Ledger", "台帳"},
	"nav.limits":         {"Limits", "上限"},
	"nav.demo":           {"Demo", "デモ"},
	"nav.near":           {"{1} near", "接近 {1}"},
	"fail.ask":           {"What happened?", "何が起きましたか"},
	"fail.lost":          {"There is no page {1}.", "{1} というページはありません。"},
	"fail.lost.small":    {"The pages are in the list; the API is described at <a href=\"/openapi.json\">/openapi.json</a>.", "ページは一覧にあります。API の説明は <a href=\"/openapi.json\">/openapi.json</a> です。"},
	"fail.refused":       {"This was refused.", "受け付けませんでした。"},
	"fail.unavailable":   {"This is not possible now.", "今はできません。"},
	"fail.internal":      {"The page could not be made.", "ページを作れませんでした。"},
	"fail.back":          {"Go to Home", "ホームへ"},
	"login.ask":          {"Who is there?", "どなたですか"},
	"login.answer":       {"Log in with a key of biwa.yaml.", "biwa.yaml のキーでログイン"},
	"login.answer.small": {"A key with the scope read looks; one with admin also changes things.", "read のキーは閲覧、admin のキーは変更もできます。"},
	"login.once":         {"This link lets one browser in, once.", "このリンクは一度だけ使えます。"},
	"login.once.small":   {"It gives the role admin for {1}.", "役割は admin、期限は {1}です。"},
	"login.key":          {"Key", "キー"},
	"login.go":           {"Log in", "ログイン"},
	"login.wrong":        {"This key is not known here, or it may not read. Look for a key with the scope read or admin in biwa.yaml.", "このキーは登録されていないか、閲覧できません。biwa.yaml の read か admin のキーを使ってください。"},
	"login.used":         {"This link was used already, or belongs to another data folder. Log in with a key.", "このリンクは使用済みか、別のデータフォルダのものです。キーでログインしてください。"},
}
