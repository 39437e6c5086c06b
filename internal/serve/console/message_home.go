package console

// homeMessages are those of Home.
var homeMessages = table{
	"home.title": {"Home", "ホーム"},
	"home.ask":   {"Is everything right?", "すべて正常ですか"},
	"home.yes":   {"Yes, every record is accounted for.", "はい。すべての記録に説明がつきます。"},
	"home.looks": {"{1} {1|thing wants|things want} a look.", "見てほしいことが {1} つあります。"},
}
