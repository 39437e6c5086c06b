package console

import "context"

// homePage answers: is everything right?
func homePage() *page {
	return &page{path: "/", entry: "home", file: "home.html", load: loadHome}
}

type homeData struct{}

func loadHome(context.Context, *Console, *Visit) (any, error) { return homeData{}, nil }
