DROP TRIGGER products_are_searched;
DROP TRIGGER products_are_searched_again;
DROP TRIGGER products_are_not_searched;
DROP TABLE product_search;
DROP TABLE product_search_rows;
