/// A product of the simulated shop.
struct Article {
    var name: StaticString
    /// Whole rupees.
    var price: Int
}

/// What the simulated shop sells.
enum Assortment {
    /// The articles; a product id is `pf-` and the position, so that the catalogue can be larger
    /// than this list of names.
    static let articles: [Article] = [
        Article(name: "Dry food for puppies, chicken, 3 kg", price: 1_249),
        Article(name: "Dry food for adult dogs, lamb and rice, 10 kg", price: 3_899),
        Article(name: "Dry food for cats, ocean fish, 1.2 kg", price: 599),
        Article(name: "Wet food for kittens, 12 pouches", price: 540),
        Article(name: "Chew sticks for small dogs, 28 pieces", price: 449),
        Article(name: "Cat litter, clumping, lavender, 10 l", price: 799),
        Article(name: "Stainless steel bowl, 900 ml", price: 349),
        Article(name: "Reflective leash, 1.5 m", price: 625),
        Article(name: "Salmon oil for skin and coat, 250 ml", price: 899),
        Article(name: "Grain-free biscuits, pumpkin, 500 g", price: 399),
        Article(name: "Orthopaedic bed, medium", price: 2_799),
        Article(name: "Tick and flea collar, 8 months", price: 2_150),
        Article(name: "Tunnel and ball set for cats", price: 749),
        Article(name: "Vegetarian dry food, 3 kg", price: 1_099),
        Article(name: "Travel carrier for cats and small dogs", price: 2_499),
        Article(name: "Shampoo with neem, 200 ml", price: 275),
    ]

    /// How many products there are, by number.
    static let size = 640

    /// The article behind a product number.
    static func article(_ number: Int) -> Article { articles[number % articles.count] }

    /// The price of a product number: articles of one name differ a little.
    static func price(_ number: Int) -> Int {
        article(number).price + number / articles.count % 7 * 10
    }
}
