package console

// gapMessages say why a part of a page is not there.
var gapMessages = table{
	"part.late":  {"This took longer than {1}: the node is busy with other queries.", "{1}以内に答えが出ませんでした。ほかの問い合わせで混んでいます。"},
	"part.again": {"Look again", "もう一度見る"},
	"part.sql":   {"Ask in SQL", "SQL で調べる"},
}
