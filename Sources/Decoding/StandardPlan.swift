import Events

// The plan of a shop that sends what Segment's specifications, RudderStack and Braze describe, and
// what Collie adds to them.

extension TrackingPlan {
    /// The e-commerce specification v2 with v1's names, the e-mail specification, Braze's
    /// recommended events, and Collie's additions.
    package static let standard: TrackingPlan = {
        var plan = TrackingPlan()
        plan.events = shopEvents + orderEvents + messageEvents + otherEvents
        plan.paths = standardPaths
        plan.productPaths = standardProductPaths
        return plan
    }()

    private static let shopEvents: [EventName] = [
        EventName(
            name: "Product Viewed",
            aliases: ["Viewed Product", "product_viewed", "ecommerce.product_viewed"],
            meaning: .productViewed
        ),
        EventName(
            name: "Product Added",
            aliases: [
                "Added Product", "product_added", "Wishlist Product Added to Cart",
                "Added to Cart",
            ],
            meaning: .productAdded
        ),
        EventName(
            name: "Product Removed",
            aliases: ["Removed Product", "product_removed", "Removed from Cart"],
            meaning: .productRemoved
        ),
        EventName(
            name: "Cart Viewed",
            aliases: [
                "Viewed Cart", "cart_viewed", "cart_updated", "Cart Updated",
                "ecommerce.cart_updated",
            ],
            meaning: .cartViewed
        ),
        EventName(
            name: "Checkout Started",
            aliases: ["Started Checkout", "checkout_started", "ecommerce.checkout_started"],
            meaning: .checkoutStarted
        ),
        EventName(
            name: "Checkout Step Viewed",
            aliases: ["Viewed Checkout Step", "checkout_step_viewed"],
            meaning: .checkoutActivity
        ),
        EventName(
            name: "Checkout Step Completed",
            aliases: ["Completed Checkout Step", "checkout_step_completed"],
            meaning: .checkoutActivity
        ),
        EventName(
            name: "Payment Info Entered",
            aliases: ["Entered Payment Info", "payment_info_entered"],
            meaning: .checkoutActivity
        ),
        EventName(
            name: "Product Price Changed",
            aliases: ["product_price_changed"],
            meaning: .productPriceChanged
        ),
        EventName(
            name: "Product Stock Changed",
            aliases: ["product_stock_changed"],
            meaning: .productStockChanged
        ),
    ]

    private static let orderEvents: [EventName] = [
        EventName(
            name: "Order Completed",
            aliases: [
                "Completed Order", "order_completed", "Order Placed", "order_placed",
                "ecommerce.order_placed",
            ],
            meaning: .orderCompleted
        ),
        EventName(
            name: "Order Cancelled",
            aliases: [
                "Cancelled Order", "Order Canceled", "order_cancelled", "order_canceled",
                "ecommerce.order_cancelled",
            ],
            meaning: .orderCancelled
        ),
        EventName(
            name: "Order Refunded",
            aliases: ["Refunded Order", "order_refunded", "ecommerce.order_refunded"],
            meaning: .orderRefunded
        ),
    ]

    private static let messageEvents: [EventName] = [
        EventName(
            name: "Consent Updated",
            aliases: ["consent_updated"],
            meaning: .consentUpdated
        ),
        EventName(
            name: "Message Received",
            aliases: ["message_received"],
            meaning: .messageReceived
        ),
        EventName(
            name: "Message Clicked",
            aliases: ["message_clicked"],
            meaning: .messageClicked
        ),
        EventName(name: "Message Read", aliases: ["message_read"], meaning: .messageOpened),
        EventName(
            name: "Email Link Clicked",
            aliases: ["email_link_clicked"],
            meaning: .messageClicked,
            channel: .email
        ),
        EventName(
            name: "Email Opened",
            aliases: ["email_opened"],
            meaning: .messageOpened,
            channel: .email
        ),
        EventName(
            name: "Email Marked as Spam",
            aliases: ["email_marked_as_spam", "Marked as Spam"],
            meaning: .markedAsSpam,
            channel: .email
        ),
        EventName(
            name: "Unsubscribed",
            aliases: ["Email Unsubscribed"],
            meaning: .unsubscribed,
            channel: .email
        ),
    ]

    // History, and triggers of plain flows; listed for their aliases.
    private static let otherEvents: [EventName] = [
        ("Products Searched", ["Searched Products"]),
        ("Product List Viewed", ["Viewed Product List", "Viewed Product Category"]),
        ("Product List Filtered", ["Filtered Product List"]),
        ("Promotion Viewed", ["Viewed Promotion"]),
        ("Promotion Clicked", ["Clicked Promotion"]),
        ("Product Clicked", ["Clicked Product"]),
        ("Order Updated", ["Updated Order", "order_updated"]),
        ("Coupon Entered", ["Entered Coupon"]),
        ("Coupon Applied", ["Applied Coupon"]),
        ("Coupon Denied", ["Denied Coupon"]),
        ("Coupon Removed", ["Removed Coupon"]),
        ("Product Added to Wishlist", ["Added Product to Wishlist"]),
        ("Product Removed from Wishlist", ["Removed Product from Wishlist"]),
        ("Product Shared", ["Shared Product"]),
        ("Cart Shared", ["Shared Cart"]),
        ("Product Reviewed", ["Reviewed Product"]),
        ("Experiment Viewed", ["Viewed Experiment"]),
        ("Email Delivered", ["email_delivered"]),
        ("Email Bounced", ["email_bounced"]),
        ("Order Shipped", ["order_shipped"]),
        ("Order Delivered", ["order_delivered"]),
        ("Delivery Failed", ["delivery_failed"]),
        ("Order Returned To Origin", ["order_returned_to_origin"]),
        ("Payment Captured", ["payment_captured"]),
        ("COD Confirmation Replied", ["cod_confirmation_replied"]),
        ("Support Ticket Opened", ["support_ticket_opened"]),
        ("Session Ended", ["session_ended"]),
        ("Survey Answered", ["survey_answered"]),
        ("Message Sent", ["message_sent"]),
        ("Message Delivered", ["message_delivered"]),
        ("Message Failed", ["message_failed"]),
    ].map { EventName(name: $0.0, aliases: $0.1, meaning: .other) }

    private static let standardPaths: [Field: [String]] = [
        .cartID: ["properties.cart_id", "properties.cartId"],
        .checkoutID: ["properties.checkout_id", "properties.checkoutId"],
        .orderID: ["properties.order_id", "properties.orderId"],
        .currency: ["properties.currency"],
        .products: ["properties.products"],
        .shippingCountry: [
            "properties.shipping_address.country", "properties.shipping_country",
            "traits.address.country", "context.traits.address.country",
        ],
        .email: ["traits.email", "context.traits.email", "properties.email"],
        .phone: ["traits.phone", "context.traits.phone", "properties.phone"],
        .whatsAppID: [
            "traits.wa_id", "context.traits.wa_id", "properties.wa_id", "context.wa_id",
        ],
        .viberID: [
            "traits.viber_id", "context.traits.viber_id", "properties.viber_id",
            "context.viber_id",
        ],
        .telegramChatID: [
            "traits.telegram_chat_id", "context.traits.telegram_chat_id",
            "properties.telegram_chat_id", "context.telegram_chat_id",
        ],
        .pushToken: ["context.device.token"],
        .webPushToken: [
            "traits.web_push_token", "context.traits.web_push_token",
            "properties.web_push_token", "context.web_push_token",
        ],
        .deviceID: ["context.device.id"],
        .timeZoneTrait: [
            "traits.timezone", "traits.time_zone", "context.traits.timezone",
            "context.traits.time_zone",
        ],
        .timeZoneContext: ["context.timezone"],
        .locale: ["context.locale"],
        .traceparent: ["context.traceparent"],
        .channel: ["properties.channel"],
        .state: ["properties.state"],
        .purpose: ["properties.purpose"],
        .endpoint: ["properties.endpoint"],
        .from: ["properties.from"],
        .text: ["properties.text"],
        .cartAction: ["properties.action"],
    ]

    private static let standardProductPaths: [ProductField: [String]] = [
        .id: ["product_id", "sku", "id"],
        .name: ["name", "product_name"],
        .price: ["price"],
        .quantity: ["quantity"],
        .url: ["url", "product_url"],
        .imageURL: ["image_url"],
        .stock: ["stock"],
    ]
}
