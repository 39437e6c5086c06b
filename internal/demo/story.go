package demo

import "github.com/biwa-data/biwa/internal/serve/console"

// Stories are the articles of the site that can be read: some of those that the
// traffic is about.
func Stories() []console.Article {
	return []console.Article{
		{ID: 101, Language: console.Japanese, Title: "琵琶湖の朝、静かな水面を歩く", Creator: "水野 渚", Paragraphs: []string{
			"五時すこし前、湖はまだ色を持っていない。岸に立つと、空と水の境は音でしか分からない。杭に当たる水の音が、こちら側だと教えてくれる。",
			"桟橋の板は夜露で黒い。歩くたびに水面の鴨が二羽、三羽と場所をゆずる。逃げるのではなく、ただ少しだけ離れる。朝の礼儀のようなものだ。",
			"やがて比良の山の端が明るくなり、水が青くなる。同じ湖を毎朝歩いても、同じ青は一度もなかった。それを数えるのが、この連載の仕事である。",
		}},
		{ID: 102, Language: console.English, Title: "A Week Without Notifications", Creator: "Clara Whitfield", Paragraphs: []string{
			"On Monday the telephone lay face down on the shelf in the hall, and I heard it buzz eleven times before lunch. It was off. What I heard was the habit.",
			"By Wednesday I had learned which questions wait: nearly all of them. Three people were surprised to be answered in the evening, in whole sentences. One wrote back in whole sentences.",
			"On Sunday I turned one thing on again, the one that rings when somebody stands at the door. The rest I go and fetch, like milk.",
		}},
		{ID: 113, Language: console.Japanese, Title: "銭湯の湯気と、町の声", Creator: "佐々木 美緒", Paragraphs: []string{
			"番台の時計は七分進んでいる。閉める時間に客をあわてさせないためだと、おかみさんは言う。進んだ時計で、町はゆっくりになる。",
			"湯船では名前を聞かない。聞くのは腰の具合と、明日の天気と、川向こうの工事のことだけだ。それで半年もすると、たいていのことは分かってしまう。",
			"帰り道、濡れた髪のまま坂を上がる。湯気の中で聞いた声が、窓のあかりの一つひとつに戻っていく。",
		}},
		{ID: 106, Language: console.English, Title: "What Rivers Remember", Creator: "Priya Raman", Paragraphs: []string{
			"A river keeps its diary in gravel. The large stones are the floods; the fine sand between them is all the quiet years, pressed to the thickness of a thumb.",
			"At the bend below the mill we dug a trench as deep as a person and read it from the bottom. Somebody had built a weir here and somebody else had forgotten it. The water had used both.",
			"The trench was filled in again by evening. In spring the river will write over it, and only our drawing will know what stood on that page.",
		}},
	}
}
